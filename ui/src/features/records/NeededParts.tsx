// Parts without which a record is not complete, added together with it: the options of a question.
import { Plus, X } from "lucide-react";
import type { EntityInfo, PartRecord } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { Widget } from "../../parts/Widget";

export type Draft = Record<string, unknown>;
export type Need = EntityInfo["needs"][number];

interface Props {
  need: Need;
  /** The kind of the parts. */
  kind: EntityInfo;
  /** Whether the record has some already. */
  has: boolean;
  drafts: Draft[];
  onChange: (drafts: Draft[]) => void;
}

export function NeededParts({ need, kind, has, drafts, onChange }: Props) {
  const fields = partFields(kind, need);
  const set = (at: number, name: string, value: unknown) => onChange(drafts.map((draft, other) => (other === at ? { ...draft, [name]: value } : draft)));
  return (
    <fieldset className="needed stack">
      <legend>{kind.plural}</legend>
      {!has && drafts.length === 0 && <p className="small muted">{t("records.needs_part", { label: kind.label })}</p>}
      {drafts.map((draft, at) => (
        <div key={at} className="part row">
          <div className="grow">{fields.map((field) => <Widget key={field.name} field={field} name="" value={draft[field.name]} error={undefined} onChange={(value) => set(at, field.name, value)} />)}</div>
          <button type="button" className="btn plain square" aria-label={t("records.part_away", { label: kind.label })} onClick={() => onChange(drafts.filter((_, other) => other !== at))}><X className="icon" /></button>
        </div>
      ))}
      <button type="button" className="btn" onClick={() => onChange([...drafts, newDraft(kind, need, drafts.length)])}><Plus className="icon" />{t("records.part_add", { label: kind.label })}</button>
    </fieldset>
  );
}

/** What is asked about a part: what it must have and what names it. Its place follows from the order. */
function partFields(kind: EntityInfo, need: Need) {
  const given = ["id", "position", need.by];
  return kind.fields.filter((field) => !given.includes(field.name) && !field.managed && (field.required || kind.title.includes(field.name)));
}

/** A part with its defaults; where parts are numbered, the next number. */
export function newDraft(kind: EntityInfo, need: Need, at: number): Draft {
  const defaults = kind.fields.filter((field) => field.default !== null && field.name !== need.by).map((field) => [field.name, field.default] as const);
  const position = kind.fields.some((field) => field.name === "position") ? { position: at } : {};
  return { ...Object.fromEntries(defaults), ...position };
}

/** The parts as the command takes them. */
export function toParts(need: Need, drafts: Draft[]): PartRecord[] {
  return drafts.map((draft) => ({ entity: need.entity, by: need.by, values: Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== null && value !== "")) }));
}
