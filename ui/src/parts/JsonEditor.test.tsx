// Structured data as a form and as text.
import { fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it } from "vitest";
import { JsonEditor } from "./JsonEditor";

function edit(first: unknown) {
  let now = first;
  const Form = () => {
    const [value, setValue] = useState(first);
    return <JsonEditor label="Rules" value={value} onChange={(next) => { now = next; setValue(next); }} error={undefined} />;
  };
  render(<Form />);
  return { value: () => now, user: userEvent.setup() };
}

const field = (name: string) => screen.getByLabelText<HTMLInputElement>(name);

describe("named values", () => {
  it("are changed one by one, and each keeps its kind", async () => {
    const { value, user } = edit({ title: "Sleep", points: 4, active: true, nested: { note: "a" } });
    await user.type(field("Rules title"), " well");
    await user.clear(field("Rules points"));
    await user.type(field("Rules points"), "12");
    await user.click(field("Rules active"));
    await user.type(field("Rules nested note"), "b");
    expect(value()).toEqual({ title: "Sleep well", points: 12, active: false, nested: { note: "ab" } });
  });

  it("take decimal and negative numbers as they are typed", async () => {
    const { value, user } = edit({ weight: 1 });
    await user.clear(field("Rules weight"));
    await user.type(field("Rules weight"), "-1.5");
    expect([value(), field("Rules weight").value]).toEqual([{ weight: -1.5 }, "-1.5"]);
  });

  it("are added under a new name and removed", async () => {
    const { value, user } = edit({ a: 1 });
    await user.type(field("Name"), "  b {Enter}");
    expect(value()).toEqual({ a: 1, b: "" });
    await user.type(field("Name"), "a{Enter}");
    expect(value(), "a name that is taken is not added again").toEqual({ a: 1, b: "" });
    await user.click(screen.getAllByLabelText("Remove")[0]!);
    expect(value()).toEqual({ b: "" });
  });
});

describe("lists", () => {
  it("grow by an entry like the last one, and shrink", async () => {
    const { value, user } = edit([{ at: 5, name: "Mild", flags: [true] }]);
    await user.click(screen.getAllByText("Add").at(-1)!);
    expect(value()).toEqual([{ at: 5, name: "Mild", flags: [true] }, { at: 0, name: "", flags: [] }]);
    await user.type(field("Rules 2 name"), "Severe");
    expect(value()).toEqual([{ at: 5, name: "Mild", flags: [true] }, { at: 0, name: "Severe", flags: [] }]);
  });

  it("of texts and numbers are edited in place", async () => {
    const { value, user } = edit(["a", 2, false]);
    await user.type(field("Rules 1"), "b");
    await user.type(field("Rules 2"), "5");
    await user.click(field("Rules 3"));
    expect(value()).toEqual(["ab", 25, true]);
    await user.click(screen.getAllByLabelText("Remove")[0]!);
    expect(value()).toEqual([25, true]);
    expect(field("Rules 1").value).toBe("25");
  });
});

describe("nothing yet", () => {
  it.each([["Named values", {}], ["A list", []], ["A text", ""]])("begins as %s", async (button, begun) => {
    const { value, user } = edit(null);
    await user.click(screen.getByText(button));
    expect(value()).toEqual(begun);
  });
});

describe("as text", () => {
  const raw = () => screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Rules" });

  it("is kept with a mistake in it, which is named, and counts again when it is mended", () => {
    const { value } = edit({ a: 1 });
    fireEvent.click(screen.getByText("As text"));
    expect(JSON.parse(raw().value)).toEqual({ a: 1 });
    fireEvent.change(raw(), { target: { value: '{"a": 1, "b": ' } });
    expect(raw().value).toBe('{"a": 1, "b": ');
    expect(screen.getByRole("alert").textContent).toContain("cannot be read yet");
    expect(value(), "what was good before stays").toEqual({ a: 1 });
    fireEvent.change(raw(), { target: { value: '{"a": 1, "b": [2]}' } });
    expect(screen.queryByRole("alert")).toBeNull();
    expect(value()).toEqual({ a: 1, b: [2] });
    fireEvent.click(screen.getByText("As text"));
    expect(field("Rules b 1").value).toBe("2");
  });

  it("is not lost by leaving the text while it has a mistake", () => {
    edit({ a: 1 });
    fireEvent.click(screen.getByText("As text"));
    fireEvent.change(raw(), { target: { value: "{" } });
    fireEvent.click(screen.getByText("As text"));
    expect(raw().value).toBe("{");
    expect(screen.getByRole("alert").textContent).toContain("Nothing is lost");
  });

  it("emptied means no value", () => {
    const { value } = edit({ a: 1 });
    fireEvent.click(screen.getByText("As text"));
    fireEvent.change(raw(), { target: { value: "  " } });
    expect(value()).toBeNull();
  });
});
