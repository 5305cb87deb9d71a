// A person by their initials, and somebody whose name is not here yet.

import { render } from "@testing-library/react";
import { expect, it } from "vitest";

import { Avatar, initials } from "./Avatar";

it("takes the first letter of the first and the last word", () => {
  for (const [name, letters] of [["Amara Okafor", "AO"], ["Ben", "B"], ["  Zoë van der Berg ", "ZB"], ["", ""]] as const) {
    expect(initials(name), name).toBe(letters);
  }
});

it("shows a figure while the name is not here yet", () => {
  const { container, rerender } = render(<Avatar name="" />);
  expect(container.querySelector("svg")).not.toBeNull();
  rerender(<Avatar name="Amara Okafor" />);
  expect(container.textContent).toBe("AO");
  expect(container.querySelector("svg")).toBeNull();
});
