// A modal: the focus begins in its first field and returns to where it came from.
import { fireEvent, render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { Dialog } from "./Dialog";

it.each([
  ["an input", <input key="1" data-first />],
  ["a choice", <select key="1" data-first />],
  ["a text", <textarea key="1" data-first />],
])("the first field has the focus: %s", (_, field) => {
  render(<Dialog title="Edit" onClose={() => undefined}><button>Before</button>{field}<input /></Dialog>);
  expect(document.activeElement).toBe(document.querySelector("[data-first]"));
});

it("the focus returns to where it was", () => {
  const Page = ({ open }: { open: boolean }) => <><button data-opener>Edit</button>{open && <Dialog title="Edit" onClose={() => undefined}><input /></Dialog>}</>;
  const { rerender } = render(<Page open={false} />);
  const opener = document.querySelector<HTMLElement>("[data-opener]")!;
  opener.focus();
  rerender(<Page open />);
  expect(document.activeElement?.tagName).toBe("INPUT");
  rerender(<Page open={false} />);
  expect(document.activeElement).toBe(opener);
});

it("Esc, the cross and a press beside it close it; a press inside does not", () => {
  const onClose = vi.fn();
  render(<Dialog title="Edit" onClose={onClose} footer={<p>foot</p>}><p>inside</p></Dialog>);
  const dialog = document.querySelector("dialog")!;
  expect(dialog.getAttribute("aria-label")).toBe("Edit");
  fireEvent.pointerDown(screen.getByText("inside"));
  expect(onClose).not.toHaveBeenCalled();
  fireEvent(dialog, new Event("cancel", { cancelable: true }));
  fireEvent.click(screen.getByLabelText("Close"));
  fireEvent.pointerDown(dialog);
  expect(onClose).toHaveBeenCalledTimes(3);
});
