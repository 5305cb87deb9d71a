// The words of the screen: one catalogue a language, all with the same keys.
import { useSyncExternalStore } from "react";
import { de } from "../messages/de";
import { en } from "../messages/en";

export type Key = keyof typeof en;
export type Language = "en" | "de";
export const languages: Record<Language, string> = { en: "English", de: "Deutsch" };

const catalogues: Record<Language, Record<Key, string>> = { en, de };
const listeners = new Set<() => void>();
let current: Language = remembered();

function remembered(): Language {
  const chosen = window.localStorage.getItem("language") ?? navigator.language.slice(0, 2);
  return chosen === "de" ? "de" : "en";
}

export function language(): Language {
  return current;
}

/** Changes the language of the screen and remembers it for the lock screen. */
export function setLanguage(wanted: Language): void {
  const chosen = wanted in catalogues ? wanted : "en";
  window.localStorage.setItem("language", chosen);
  document.documentElement.lang = chosen;
  if (chosen === current) return;
  current = chosen;
  listeners.forEach((listener) => listener());
}

/** Draws the component again when the language changes. */
export function useLanguage(): Language {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, language);
}

/**
 * The words for a key. `{name}` is replaced by a value; `{n:visit|visits}` by the number with the
 * form that fits it.
 */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return fill(catalogues[current][key], values);
}

/** A text with its places filled in, as for a key. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (_, name: string, one?: string, many?: string) => {
    const value = values[name] ?? "";
    const shown = typeof value === "number" ? numeral(value) : value;
    return one === undefined ? shown : `${shown} ${Number(value) === 1 ? one : many}`;
  });
}

/** 1,240 in English and 1.240 in German. */
const numeral = (value: number): string => value.toLocaleString(current === "en" ? "en-GB" : current, { maximumFractionDigits: 20 });

/** A word of a closed list of the catalogue, or the code itself made readable. */
export function word(prefix: string, code: string): string {
  const key = `${prefix}.${code}` as Key;
  return key in catalogues[current] ? t(key) : readable(code);
}

/** `follow_up` as “Follow up”. */
export function readable(code: string): string {
  const spaced = code.replaceAll(/[_.]/g, " ").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
