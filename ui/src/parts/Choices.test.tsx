// The widgets of items: every kind of question gives the answer that the desk takes.
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import type { FormItem } from "../bindings/commands";
import { Choices, optionsOf, pressed } from "./Choices";

const OFTEN = ["Not at all", "Several days", "More than half the days", "Nearly every day"].map((text, at) => ({ value: String(at), text }));

function item(kind: string, more: Partial<FormItem> = {}): FormItem {
  return { question_id: "q1", code: "", text: "A question", kind, required: true, scored: true, alerts: false, options: [], range: null, ...more };
}

function show(one: FormItem, value?: unknown) {
  const onAnswer = vi.fn();
  render(<><h1 id="heading">{one.text}</h1><Choices item={one} value={value} onAnswer={onAnswer} labelledBy="heading" /></>);
  return { onAnswer, answers: () => onAnswer.mock.calls.map(([answer]) => answer as unknown), user: userEvent.setup() };
}

const checked = (role: string) => screen.getAllByRole(role).filter((one) => one.getAttribute("aria-checked") === "true").map((one) => one.textContent);

describe("a single choice", () => {
  it("is a group of radios named by the question; a click answers with the printed value", async () => {
    const { answers, user } = show(item("single_choice", { options: OFTEN }));
    expect(screen.getByRole("radiogroup", { name: "A question" })).toBeTruthy();
    expect(checked("radio")).toEqual([]);
    await user.click(screen.getByRole("radio", { name: /Several days/ }));
    expect(answers()).toEqual(["1"]);
  });

  it.each([["2"], [2]])("shows the answer %j as chosen, as it was saved", (value) => {
    show(item("single_choice", { options: OFTEN }), value);
    expect(checked("radio")).toEqual(["More than half the days2"]);
  });

  it.each([[null], [undefined]])("shows nothing as chosen for %s, not even 0", (value) => {
    show(item("single_choice", { options: OFTEN }), value);
    expect(checked("radio")).toEqual([]);
  });

  it("arrows move the focus around without answering, and one tab stop leads to the chosen one", async () => {
    const { onAnswer, user } = show(item("single_choice", { options: OFTEN }), "3");
    await user.tab();
    expect(document.activeElement?.textContent).toBe("Nearly every day3");
    await user.keyboard("{ArrowDown}");
    expect(document.activeElement?.textContent).toBe("Not at all0");
    await user.keyboard("{ArrowUp}{ArrowLeft}");
    expect(document.activeElement?.textContent).toBe("More than half the days2");
    expect(onAnswer).not.toHaveBeenCalled();
    await user.keyboard(" ");
    expect(onAnswer).toHaveBeenCalledWith("2");
  });
});

describe("a multiple choice", () => {
  const one = item("multiple_choice", { options: OFTEN });
  it("adds and takes away", () => {
    expect(pressed(one, undefined, "1")).toEqual(["1"]);
    expect(pressed(one, ["1"], "3")).toEqual(["1", "3"]);
    expect(pressed(one, ["1", "3"], "1")).toEqual(["3"]);
    expect(pressed(one, ["3"], "3")).toEqual([]);
  });

  it("is a group of boxes that can each be reached", async () => {
    const { answers, user } = show(one, ["0", "2"]);
    expect(checked("checkbox")).toEqual(["Not at all0", "More than half the days2"]);
    await user.click(screen.getByRole("checkbox", { name: /Several days/ }));
    await user.click(screen.getByRole("checkbox", { name: /Not at all/ }));
    expect(answers()).toEqual([["0", "2", "1"], ["2"]]);
  });
});

describe("yes or no", () => {
  it.each(["true_false", "boolean", "yes_no"])("of kind %s answers true or false", async (kind) => {
    const { answers, user } = show(item(kind), false);
    expect(checked("radio")).toEqual(["No0"]);
    await user.click(screen.getByRole("radio", { name: /Yes/ }));
    expect(answers()).toEqual([true]);
  });
});

describe("a range", () => {
  it("of few values is a row of numbers that answer as numbers", async () => {
    const scale = item("scale", { range: { min: 0, max: 10 } });
    expect(optionsOf(scale).map((option) => option.answer)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const { answers, user } = show(scale, 7);
    expect(checked("radio")).toEqual(["77"]);
    await user.click(screen.getAllByRole("radio")[0]!);
    expect(answers()).toEqual([0]);
  });

  it("of many values is a field", () => {
    show(item("slider", { range: { min: 0, max: 100 } }), 40);
    expect(screen.getByRole<HTMLInputElement>("textbox").value).toBe("40");
  });
});

describe("a written answer", () => {
  it.each([
    ["number", "7", 7],
    ["number", "7,5", 7.5],
    ["number", "-3", -3],
    ["slider", "62", 62],
    ["date", "12.3.1979", "1979-03-12"],
    ["text", "Walked to the river.", "Walked to the river."],
    ["essay", "7", "7"],
    ["time", "10:42", "10:42"],
  ])("to a question of kind %s: “%s” is given when the field is left", async (kind, typed, answer) => {
    const { answers, user } = show(item(kind));
    await user.type(screen.getByRole("textbox", { name: "A question" }), typed);
    expect(answers()).toEqual([]);
    await user.tab();
    expect(answers()).toEqual([answer]);
  });

  it.each([["number", "seven", "Write a number."], ["number", "1e999", "Write a number."], ["date", "31.2.2026", "This is no date. Write it like 12 March 1979."]])("to a question of kind %s: “%s” is not given, and the field says why", async (kind, typed, why) => {
    const { onAnswer, user } = show(item(kind));
    await user.type(screen.getByRole("textbox"), typed);
    await user.tab();
    expect(onAnswer).not.toHaveBeenCalled();
    expect(screen.getByText(why)).toBeTruthy();
    expect(screen.getByRole<HTMLInputElement>("textbox").value).toBe(typed);
  });

  it("that was not changed or is blank is not given again", async () => {
    const { onAnswer, user } = show(item("number"), 7);
    await user.click(screen.getByRole("textbox"));
    await user.tab();
    await user.clear(screen.getByRole("textbox"));
    await user.tab();
    expect(onAnswer).not.toHaveBeenCalled();
  });
});
