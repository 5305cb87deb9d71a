// Colours have one home: the tokens. Everything else names a role.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const folder = join(process.cwd(), "src", "styles");
const sheets = Object.fromEntries(readdirSync(folder).filter((name) => name.endsWith(".css")).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
const screens = import.meta.glob<string>(["../**/*.tsx", "!../**/*.test.tsx"], { query: "?raw", import: "default", eager: true });
const withoutComments = (css: string) => css.replace(/\/\*[\s\S]*?\*\//g, "");
const tokens = withoutComments(sheets["tokens.css"] ?? "");
const others = Object.entries(sheets).filter(([path]) => path !== "tokens.css").map(([path, css]) => [path, withoutComments(css)] as const);
const names = "white|black|red|green|blue|yellow|orange|purple|gray|grey|silver|gold|brown|pink|navy|teal|maroon|olive|lime|aqua|fuchsia";

it.each(others)("%s uses tokens and no colour of its own", (_, css) => {
  expect(css.length).toBeGreaterThan(1_000);
  const values = [...css.matchAll(/[\w-]+\s*:\s*([^;{}]+)/g)].map((found) => found[1]!);
  expect(values.filter((value) => /#[0-9a-f]{3,8}\b|\b(rgba?|hsla?|hwb|lab|lch|oklab|oklch)\(/i.test(value))).toEqual([]);
  expect(values.filter((value) => new RegExp(`(^|[\\s,(])(${names})($|[\\s,)])`, "i").test(value))).toEqual([]);
});

it("every token that is used is there", () => {
  const defined = new Set([...Object.values(sheets).join("\n").matchAll(/(--[\w-]+)\s*:/g)].map((found) => found[1]!));
  const used = [...others.map(([, css]) => css), tokens, ...Object.values(screens)].flatMap((text) => [...text.matchAll(/var\((--[a-z][\w-]*)\s*[,)]/g)].map((found) => found[1]!));
  expect(used.length).toBeGreaterThan(200);
  expect([...new Set(used)].filter((name) => !defined.has(name))).toEqual([]);
});

it("dark and high contrast define every colour of light", () => {
  const theme = (selector: RegExp) => {
    const rule = [...tokens.matchAll(/([^{}]+)\{([^{}]*)\}/g)].find((found) => selector.test(found[1]!))?.[2] ?? "";
    return [...rule.matchAll(/(--[\w-]+)\s*:/g)].map((found) => found[1]!).filter((name) => !/shadow/.test(name)).sort();
  };
  const light = theme(/data-theme="light"/);
  expect(light.length).toBeGreaterThan(40);
  for (const other of ["dark", "contrast"]) {
    const defined = theme(new RegExp(`data-theme="${other}"`));
    expect(light.filter((name) => !defined.includes(name)), other).toEqual([]);
  }
});
