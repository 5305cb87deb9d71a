// What the program said, found again in other languages. That it does say so, tests/tests/said.rs looks up.
import { afterEach, describe, expect, it } from "vitest";
import { SAID } from "../messages/said";
import { setLanguage } from "./messages";
import { said } from "./said";

afterEach(() => setLanguage("en"));

describe("sentences of the program", () => {
  it("have the same places in both languages", () => {
    const places = (text: string) => [...text.matchAll(/\{(\w+)/g)].map((found) => found[1]).sort();
    expect(SAID.filter(([en, de]) => JSON.stringify(places(en)) !== JSON.stringify(places(de)))).toEqual([]);
  });

  it.each([
    ["Joined Ashcombe Practice.", "Ashcombe Practice beigetreten."],
    ["1 changes were not accepted and are kept for you to look at.", "1 Änderung wurde nicht angenommen und für Sie aufgehoben."],
    ["Yuki Tanaka left this computer (5 records). Your right to these records has ended.", "Yuki Tanaka hat diesen Computer verlassen (5 Datensätze). Ihr Recht an diesen Datensätzen hat geendet."],
    ["A change that the centre did not accept was given up: Typed twice", "Eine Änderung, die die Zentrale nicht annahm, wurde aufgegeben: Typed twice"],
    ["Sent 3, received 1240.", "3 Änderungen gesendet, 1.240 Datensätze empfangen."],
    ["Received 1.", "1 Datensatz empfangen."],
    ["Nobody knows this sentence.", "Nobody knows this sentence."],
  ])("%s", (english, german) => {
    setLanguage("de");
    expect(said(english)).toBe(german);
  });

  it("count properly in English too", () => {
    expect(said("1 changes were not accepted and are kept for you to look at.")).toBe("1 change was not accepted and is kept for you to look at.");
    expect(said("Sent 1, received 12.")).toBe("Sent 1 change, received 12 records.");
    expect(said("Yuki left this computer (1 records). Your right to these records has ended.")).toBe("Yuki left this computer (1 record). Your right to these records has ended.");
  });
});
