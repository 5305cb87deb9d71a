// The registry of keys: where single letters work, who wins, and what is left when a screen goes.
import { render } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actions, allowLetters, press, useActions, type Action } from "./keys";

function Offers({ list, frame = false }: { list: Action[]; frame?: boolean }) {
  useActions(list, frame);
  return null;
}

const listen = (event: KeyboardEvent) => void press(event);
beforeEach(() => window.addEventListener("keydown", listen));
afterEach(() => {
  window.removeEventListener("keydown", listen);
  allowLetters(true);
});

function type(key: string, target: Element = document.body, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}

describe("a single letter", () => {
  it("works on the page and on buttons, in either case", () => {
    const run = vi.fn();
    const { container } = render(<><Offers list={[{ id: "start", label: "Start", keys: "S", run }]} /><button>Go</button></>);
    type("s");
    type("S");
    type("s", container.querySelector("button")!);
    expect(run).toHaveBeenCalledTimes(3);
  });

  it.each(["input", "textarea", "select", "editable", "dialog", "in-dialog"])("is ignored in %s", (id) => {
    const run = vi.fn();
    render(<><Offers list={[{ id: "start", label: "Start", keys: "S", run }, { id: "sheet", label: "Keys", keys: "?", run }]} /><input id="input" /><textarea id="textarea" /><select id="select" /><div id="editable" contentEditable suppressContentEditableWarning><b>text</b></div><dialog id="dialog" open><button id="in-dialog">Close</button></dialog></>);
    const target = document.getElementById(id)!;
    expect(type("s", target).defaultPrevented).toBe(false);
    type("?", target.firstElementChild ?? target);
    expect(run).not.toHaveBeenCalled();
  });

  it("is ignored when letters are switched off, while combinations go on working", () => {
    const [letter, combination, f1] = [vi.fn(), vi.fn(), vi.fn()];
    render(<Offers list={[{ id: "start", label: "Start", keys: "S", run: letter }, { id: "palette", label: "Find", keys: "Ctrl K", run: combination }, { id: "help", label: "Help", keys: "F1", run: f1 }]} />);
    allowLetters(false);
    type("s");
    type("k", document.body, { ctrlKey: true });
    type("F1");
    expect([letter, combination, f1].map((run) => run.mock.calls.length)).toEqual([0, 1, 1]);
  });
});

describe("a combination", () => {
  it("works in fields too, with Ctrl or the command key, and keeps the browser from acting", () => {
    const run = vi.fn();
    const { container } = render(<><Offers list={[{ id: "palette", label: "Find", keys: "Ctrl K", run }]} /><input /></>);
    const field = container.querySelector("input")!;
    expect(type("k", field, { ctrlKey: true }).defaultPrevented).toBe(true);
    type("K", field, { metaKey: true });
    expect(run).toHaveBeenCalledTimes(2);
    expect(type("k", field, { ctrlKey: true, altKey: true }).defaultPrevented).toBe(false);
    expect(type("j", field, { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it("with a letter does not run the letter", () => {
    const run = vi.fn();
    render(<Offers list={[{ id: "start", label: "Start", keys: "S", run }]} />);
    type("s", document.body, { ctrlKey: true });
    expect(run).not.toHaveBeenCalled();
  });
});

describe("several screens", () => {
  it("the last registered wins, and what it stood before works again when it goes", () => {
    const [first, second] = [vi.fn(), vi.fn()];
    const Both = ({ both }: { both: boolean }) => <><Offers list={[{ id: "start", label: "Start", keys: "S", run: first }]} />{both && <Offers list={[{ id: "start", label: "Start with Tomasz", keys: "S", run: second }]} />}</>;
    const { rerender } = render(<Both both={false} />);
    rerender(<Both both />);
    type("s");
    expect([first, second].map((run) => run.mock.calls.length)).toEqual([0, 1]);
    expect(actions().map((action) => action.label)).toEqual(["Start with Tomasz"]);
    rerender(<Both both={false} />);
    type("s");
    expect([first, second].map((run) => run.mock.calls.length), "the frame's own action is back").toEqual([1, 1]);
    expect(actions().map((action) => action.label)).toEqual(["Start"]);
  });

  it("different actions on the same key: the last registered wins", () => {
    const [first, second] = [vi.fn(), vi.fn()];
    render(<><Offers list={[{ id: "one", label: "One", keys: "C", run: first }]} /><Offers list={[{ id: "two", label: "Two", keys: "C", run: second }]} /></>);
    type("c");
    expect([first, second].map((run) => run.mock.calls.length)).toEqual([0, 1]);
  });

  it("what the frame offers yields to the screen inside it, whichever was there first", () => {
    const [frame, screen] = [vi.fn(), vi.fn()];
    const Frame = () => {
      useActions([{ id: "start", label: "Start", keys: "S", run: frame }], true);
      return <Offers list={[{ id: "start", label: "Start with Tomasz", keys: "S", run: screen }]} />;
    };
    render(<Frame />);
    type("s");
    expect([frame, screen].map((run) => run.mock.calls.length)).toEqual([0, 1]);
  });

  it("labels and actions are those of the last drawing, and nothing is left when the screen goes", () => {
    const seen: string[] = [];
    const list = (name: string) => [{ id: "edit", label: `Edit ${name}`, keys: "E", run: () => seen.push(name) }];
    const { rerender, unmount } = render(<Offers list={list("Tomas")} />);
    rerender(<Offers list={list("Tomasz")} />);
    type("e");
    expect(seen).toEqual(["Tomasz"]);
    expect(actions().map((action) => action.label)).toEqual(["Edit Tomasz"]);
    unmount();
    expect(actions()).toEqual([]);
    expect(type("e").defaultPrevented).toBe(false);
  });
});
