// Sizes of files as people read them.
import { afterEach, expect, it } from "vitest";
import { bytes } from "./bytes";
import { setLanguage } from "./messages";

afterEach(() => setLanguage("en"));

it.each([[0, "0 B"], [1, "1 B"], [1023, "1,023 B"], [1024, "1 KB"], [1536, "1.5 KB"], [20_480, "20 KB"], [1_468_006, "1.4 MB"], [26_214_400, "25 MB"], [5_000_000_000, "4.7 GB"]])("%d is %s", (size, text) => {
  setLanguage("en");
  expect(bytes(size)).toBe(text);
});

it("the point is that of the language", () => {
  setLanguage("de");
  expect(bytes(1_468_006)).toBe("1,4 MB");
});
