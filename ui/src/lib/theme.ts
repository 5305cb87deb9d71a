// Applies what the person set: colours and text size.
import type { Theme } from "../bindings/commands";

const dark = window.matchMedia?.("(prefers-color-scheme: dark)");
const contrast = window.matchMedia?.("(prefers-contrast: more)");
let chosen: Theme = (window.localStorage.getItem("theme") as Theme | null) ?? "system";

function apply(): void {
  const system = contrast?.matches ? "contrast" : dark?.matches ? "dark" : "light";
  document.documentElement.dataset.theme = chosen === "system" ? system : chosen;
}

/** Sets the colours and remembers them for the lock screen. */
export function setTheme(theme: Theme): void {
  chosen = theme;
  window.localStorage.setItem("theme", theme);
  apply();
}

dark?.addEventListener("change", apply);
contrast?.addEventListener("change", apply);
apply();
