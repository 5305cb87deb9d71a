// Words of the screen: values, counts, languages.
import { act, render } from "@testing-library/react";
import { beforeEach, describe, expect, it } from "vitest";
import { language, languages, readable, setLanguage, t, useLanguage, word, type Language } from "./messages";

beforeEach(() => setLanguage("en"));

describe("t", () => {
  it.each([
    [0, "0 people on this computer"],
    [1, "1 person on this computer"],
    [2, "2 people on this computer"],
    ["1", "1 person on this computer"],
    [-1, "-1 people on this computer"],
  ])("counts %s", (n, text) => expect(t("people.on_this", { n })).toBe(text));

  it("puts in several values, as they are", () => {
    expect(t("today.sub", { n: 1, m: 2, p: 0 })).toBe("1 appointment · 2 questionnaires due · 0 people on this computer");
    expect(t("people.register_named", { text: "$& {n} <b>" })).toBe("Register “$& {n} <b>”");
    expect(t("erase.do", {})).toBe("Remove  for good");
  });

  it("speaks German with the same values", () => {
    setLanguage("de");
    expect(t("people.on_this", { n: 1 })).toBe("1 Person auf diesem Computer");
    expect(t("people.on_this", { n: 3 })).toBe("3 Personen auf diesem Computer");
  });
});

describe("the language", () => {
  it("is remembered, told to the page, and drawn anew", () => {
    const Screen = () => <p>{useLanguage()} {t("nav.today")}</p>;
    const { container } = render(<Screen />);
    expect(container.textContent).toBe("en Today");
    act(() => setLanguage("de"));
    expect(container.textContent).toBe("de Heute");
    expect([window.localStorage.getItem("language"), document.documentElement.lang]).toEqual(["de", "de"]);
  });

  it("that the screen does not speak falls back to English instead of failing", () => {
    setLanguage("fr" as Language);
    expect(language()).toBe("en");
    expect(t("nav.today")).toBe("Today");
    expect(Object.keys(languages)).toContain(document.documentElement.lang);
  });
});

describe("word", () => {
  it("knows the words of closed lists and makes other codes readable", () => {
    expect(word("role", "patient")).toBe("In care");
    expect(word("role", "village_nurse")).toBe("Village nurse");
    expect(word("role", "")).toBe("");
    expect(readable("follow_up")).toBe("Follow up");
  });
});
