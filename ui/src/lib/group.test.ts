// Groups in the order of their first appearance.
import { expect, it } from "vitest";
import { groupBy } from "./group";

it("groups stand in the order in which they first appear, and so do their members", () => {
  const groups = groupBy(["pear", "fig", "plum", "apple", "peach"], (word) => word[0]);
  expect([...groups]).toEqual([["p", ["pear", "plum", "peach"]], ["f", ["fig"]], ["a", ["apple"]]]);
});

it("nothing gives no groups, and an empty key is a key", () => {
  expect(groupBy([], () => 1).size).toBe(0);
  expect([...groupBy([1, 2], () => undefined)]).toEqual([[undefined, [1, 2]]]);
});
