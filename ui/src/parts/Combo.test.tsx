// A field in which typing finds and arrows choose.
import { fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { Combo } from "./Combo";

const PEOPLE = ["Leila Haddad", "Leila Mensah", "Kofi Mensah"];

function setUp(more: Partial<Parameters<typeof Combo<string>>[0]> = {}) {
  const spies = { onType: vi.fn(), onChoose: vi.fn(), onClear: vi.fn() };
  const draw = (options: string[]) => <Combo label="Person" chosen="" options={options} name={(one) => one} nothing="Nobody" {...spies} {...more} />;
  const { rerender } = render(draw(more.options ?? PEOPLE));
  return { ...spies, field: screen.getByRole<HTMLInputElement>("combobox"), show: (options: string[]) => rerender(draw(options)), user: userEvent.setup() };
}

const marked = () => screen.queryAllByRole("option").filter((option) => option.getAttribute("aria-selected") === "true").map((option) => option.textContent);

describe("Combo", () => {
  it("opens by typing and tells what was typed", async () => {
    const { field, onType, user } = setUp();
    expect(field.getAttribute("aria-expanded")).toBe("false");
    await user.type(field, "Lei");
    expect(onType.mock.calls.map(([text]) => text as string).filter(Boolean)).toEqual(["L", "Le", "Lei"]);
    expect(field.getAttribute("aria-expanded")).toBe("true");
    expect(screen.getAllByRole("option")).toHaveLength(3);
  });

  it("arrows move around and Enter chooses what is marked", async () => {
    const { field, onChoose, user } = setUp();
    await user.type(field, "e");
    expect(marked()).toEqual(["Leila Haddad"]);
    await user.keyboard("{ArrowDown}{ArrowDown}");
    expect(marked()).toEqual(["Kofi Mensah"]);
    expect(field.getAttribute("aria-activedescendant")).toBe(screen.getAllByRole("option")[2]?.id);
    await user.keyboard("{ArrowDown}");
    expect(marked()).toEqual(["Leila Haddad"]);
    await user.keyboard("{ArrowUp}{Enter}");
    expect(onChoose.mock.calls).toEqual([["Kofi Mensah"]]);
    expect(screen.queryByRole("option")).toBeNull();
  });

  it("Enter chooses nothing while the answer to the words is still on its way", async () => {
    const { field, onChoose, show, user } = setUp();
    await user.type(field, "kof");
    show([]);
    await user.keyboard("{Enter}");
    expect(onChoose).not.toHaveBeenCalled();
    expect(screen.getByText("Nobody")).toBeTruthy();
    show(["Kofi Mensah"]);
    await user.keyboard("{Enter}");
    expect(onChoose.mock.calls).toEqual([["Kofi Mensah"]]);
  });

  it("Enter in an open field does not send the form, and a closed one does not hold it back", async () => {
    const sent = vi.fn((event: React.FormEvent) => event.preventDefault());
    render(<form onSubmit={sent}><Combo label="Person" chosen="" options={[]} name={String} nothing="Nobody" onType={() => undefined} onChoose={() => undefined} /></form>);
    await userEvent.type(screen.getByRole("combobox"), "x{Enter}");
    expect(sent).not.toHaveBeenCalled();
    await userEvent.keyboard("{Escape}{Enter}");
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it("Escape closes it and nothing around it, and brings back what was chosen", async () => {
    const around = vi.fn();
    const { field, onChoose, onClear } = setUp({ chosen: "Kofi Mensah" });
    field.parentElement!.parentElement!.addEventListener("keydown", around);
    fireEvent.change(field, { target: { value: "Lei" } });
    expect(field.value).toBe("Lei");
    fireEvent.keyDown(field, { key: "Escape" });
    expect(screen.queryByRole("listbox")).toBeNull();
    expect([field.value, onChoose.mock.calls.length, onClear.mock.calls.length]).toEqual(["Kofi Mensah", 0, 0]);
  });

  it("a click chooses, and leaving chooses nothing", async () => {
    const { field, onChoose, user } = setUp();
    await user.type(field, "e");
    await user.click(screen.getByText("Leila Mensah"));
    expect(onChoose.mock.calls).toEqual([["Leila Mensah"]]);
    await user.type(field, "e");
    await user.tab();
    expect(screen.queryByRole("listbox")).toBeNull();
    expect(onChoose).toHaveBeenCalledTimes(1);
  });

  it("is emptied by emptying it, and not by looking at what there is", async () => {
    const { field, onClear, user } = setUp({ chosen: "Kofi Mensah" });
    field.focus();
    await user.keyboard("{ArrowDown}");
    expect(screen.getAllByRole("option")).toHaveLength(3);
    expect(onClear, "an arrow key opens the list and changes nothing").not.toHaveBeenCalled();
    await user.keyboard("{Escape}");
    await user.clear(field);
    expect(onClear).toHaveBeenCalledTimes(1);
  });
});
