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
    ["That is not the passphrase. 4 tries before a short wait.", "Das ist nicht die Passphrase. Noch 4 Versuche, dann eine kurze Pause."],
    ["That is not the passphrase. 1 try before a short wait.", "Das ist nicht die Passphrase. Noch 1 Versuch, dann eine kurze Pause."],
    ["This passphrase is too easy to guess. This is a top-10 common password. Add another word.", "Diese Passphrase ist zu leicht zu erraten. Das ist eines der zehn häufigsten Passwörter. Fügen Sie noch ein Wort hinzu."],
    ["The file /media/stick/a.pdf cannot be written: no space. Choose another folder. A part of the file is left at /media/stick/a.pdf. Delete it.", "Die Datei /media/stick/a.pdf lässt sich nicht schreiben: no space. Wählen Sie einen anderen Ordner. Ein Teil der Datei liegt noch unter /media/stick/a.pdf. Löschen Sie ihn."],
    ["Nobody knows this sentence.", "Nobody knows this sentence."],
  ])("%s", (english, german) => {
    setLanguage("de");
    expect(said(english)).toBe(german);
  });

  it.each([
    ["Cost USD: must be 0.5 or more; enter a greater number.", "Kosten in USD: muss mindestens 0,5 sein; tragen Sie eine größere Zahl ein."],
    ["Postal code: does not have the form that its country uses. Correct the code or the country. Write five digits, for example 10115.", "Postleitzahl: hat nicht die Form, die ihr Land benutzt. Berichtigen Sie die Postleitzahl oder das Land. Schreiben Sie fünf Ziffern, zum Beispiel 10115."],
    ["Name: is needed; fill it in. Status: “open: now.” is not on the list; choose one of scheduled, cancelled. Date of birth: must lie in the past. Correct the year, the month or the day.", "Name: ist nötig; bitte ausfüllen. Stand: „open: now.“ steht nicht auf der Liste; zur Wahl stehen: Geplant, Abgesagt. Geburtsdatum: muss in der Vergangenheit liegen. Berichtigen Sie Jahr, Monat oder Tag."],
    ["Another mood entry has the same user and entry date. Open that one, or choose another value.", "Das gibt es schon (Stimmungseintrag), mit demselben Wert: Person und Tag. Öffnen Sie es, oder wählen Sie einen anderen Wert."],
    ["Person: no user with this id is on this computer. Choose one from the list.", "Person: Auf diesem Computer gibt es dies nicht (Person). Wählen Sie aus der Liste."],
    ["This user is still named by appointments, mood entries. Enter those in error first.", "Dies (Person) wird noch genannt von: Termine, Stimmungseinträge. Kennzeichnen Sie zuerst diese als Irrtum."],
    ["A change that the centre did not accept was given up: Name: is needed; fill it in.", "Eine Änderung, die die Zentrale nicht annahm, wurde aufgegeben: Name: ist nötig; bitte ausfüllen."],
    ["Name: is needed; fill it in. Something that nobody knows.", "Name: is needed; fill it in. Something that nobody knows."],
  ])("of rules: %s", (english, german) => {
    expect(said(english)).toBe(english);
    setLanguage("de");
    expect(said(english)).toBe(german);
  });

  it("count properly in English too", () => {
    expect(said("1 changes were not accepted and are kept for you to look at.")).toBe("1 change was not accepted and is kept for you to look at.");
    expect(said("Sent 1, received 12.")).toBe("Sent 1 change, received 12 records.");
    expect(said("Yuki left this computer (1 records). Your right to these records has ended.")).toBe("Yuki left this computer (1 record). Your right to these records has ended.");
  });
});
