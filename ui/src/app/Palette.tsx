// Find or do: people first, then what can be done, then any record.
import { ArrowRight, Table2, UserRound } from "lucide-react";
import { useState, type KeyboardEvent, type ReactNode } from "react";
import { actions } from "../lib/keys";
import { t } from "../lib/messages";
import { fresh, useAnswer } from "../lib/queries";
import { go, to } from "../lib/route";
import { fullDate } from "../lib/time";
import { Dialog } from "../parts/Dialog";

interface Offer {
  icon: ReactNode;
  name: string;
  more: string;
  keys?: string | undefined;
  run: () => void;
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const people = useAnswer("people.find", { text, limit: 6 });
  const hits = useAnswer("search.find", { text }, text.trim().length > 1);
  const needle = text.trim().toLowerCase();
  const found: Offer[] = [
    ...(fresh(people)?.people ?? []).map((person) => ({ icon: <UserRound className="icon" />, name: person.name, more: person.born ? fullDate(person.born) : "", run: () => go(to.person(person.id)) })),
    ...actions().filter((action) => action.id !== "palette" && action.label.toLowerCase().includes(needle)).map((action) => ({ icon: <ArrowRight className="icon" />, name: action.label, more: "", keys: action.keys, run: action.run })),
    ...(needle.length > 1 ? (fresh(hits) ?? []).filter((hit) => hit.entity !== "users").slice(0, 8).map((hit) => ({ icon: <Table2 className="icon" />, name: hit.title, more: [hit.label, hit.detail].filter(Boolean).join(" · "), run: () => go(to.records(hit.entity, hit.id)) })) : []),
  ];
  const choose = (offer: Offer | undefined) => {
    if (!offer) return;
    onClose();
    offer.run();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setAt((at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[at]);
    }
  };
  return (
    <Dialog title={t("palette.title")} onClose={onClose} className="palette">
      <div className="input">
        <input autoFocus role="combobox" aria-expanded="true" aria-controls="palette-options" aria-activedescendant={`palette-${at}`} aria-label={t("palette.title")} placeholder={t("palette.hint")} value={text} onChange={(event) => { setText(event.target.value); setAt(0); }} onKeyDown={press} />
      </div>
      <div className="options" id="palette-options" role="listbox" aria-label={t("palette.title")}>
        {found.map((offer, index) => (
          <div key={index} id={`palette-${index}`} role="option" aria-selected={index === at} onPointerEnter={() => setAt(index)} onPointerDown={(event) => { event.preventDefault(); choose(offer); }}>
            {offer.icon}<span className="grow">{offer.name}</span><span className="muted small">{offer.more}</span>{offer.keys && <kbd>{offer.keys}</kbd>}
          </div>
        ))}
        {found.length === 0 && <p className="muted pad-2">{t("palette.nothing")}</p>}
      </div>
    </Dialog>
  );
}
