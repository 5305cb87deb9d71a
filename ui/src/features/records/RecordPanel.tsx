// One record: its values, its history, and the form to change it. Nothing is deleted; a record can
// be marked as entered in error.
import { Check as Tick, History, Pencil, X } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { EntityInfo, FieldInfo, RecordView } from "../../bindings/commands";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { moment, when } from "../../lib/time";
import { Dialog } from "../../parts/Dialog";
import { ReceiptLine } from "../../parts/ReceiptLine";
import { ReasonDialog } from "../../parts/ReasonDialog";
import { ReviewNote } from "../../parts/ReviewMark";
import { Answer, Failure } from "../../parts/States";
import { ownerOf } from "./owner";
import { JsonView } from "../../parts/JsonEditor";
import { type Draft, NeededParts, toParts } from "./NeededParts";
import { shown } from "../../parts/shown";
import { Widget } from "../../parts/Widget";

export function RecordPanel({ kind, id, by }: { kind: EntityInfo; id: string; by: string }) {
  if (id === "new") return <Edit kind={kind} by={by} />;
  return <Existing kind={kind} id={id} by={by} />;
}

function Existing({ kind, id, by }: { kind: EntityInfo; id: string; by: string }) {
  const record = useAnswer("records.get", { entity: kind.name, id });
  const [editing, setEditing] = useState(false);
  return (
    <aside className="edit" aria-label={kind.label}>
      <Answer query={record}>{(data) => editing ? <Edit kind={kind} by={by} record={data} onDone={() => setEditing(false)} /> : <View kind={kind} by={by} record={data} onEdit={() => setEditing(true)} />}</Answer>
    </aside>
  );
}

function View({ kind, record, by, onEdit }: { kind: EntityInfo; record: RecordView; by: string; onEdit: () => void }) {
  const [over, setOver] = useState<"history" | "error">();
  const filled = kind.fields.filter((field) => field.name !== "id" && record.values[field.name] !== null && record.values[field.name] !== undefined && record.values[field.name] !== "");
  return (
    <>
      <header>
        <div className="grow"><h2>{record.title || t("records.unnamed")}</h2><p className="small muted">{kind.label}</p></div>
        <button className="btn plain square" aria-label={t("records.history")} title={t("records.history")} onClick={() => setOver("history")}><History className="icon" /></button>
        <a className="btn plain square" aria-label={t("dialog.close")} href={to.records(kind.name, "", by)}><X className="icon" /></a>
      </header>
      {record.error_reason !== null && <p className="banner note small">{t("records.in_error_because", { reason: record.error_reason })}</p>}
      {record.newer.length > 0 && <p className="banner note small">{t("records.needs_newer", { fields: kind.fields.filter((field) => record.newer.includes(field.name)).map((field) => field.label).join(", ") })}</p>}
      <div className="values scroll">
      <ReviewNote entity={kind.name} id={record.id} />
      <ReceiptLine entity={kind.name} id={record.id} />
      <dl>
        {filled.map((field) => <div key={field.name}><dt title={field.help}>{field.label}</dt><dd><Value field={field} record={record} /></dd></div>)}
      </dl>
        <Parts kind={kind} id={record.id} />
      </div>
      <footer>
        {record.error_reason === null && !kind.append_only && record.newer.length === 0 && <button className="btn" onClick={onEdit}><Pencil className="icon" />{t("records.edit")}</button>}
        {kind.append_only && <span className="small muted">{t("records.sealed")}</span>}
        {record.error_reason === null && <button className="btn plain end" onClick={() => setOver("error")}>{t("records.mark_error")}</button>}
      </footer>
      {over === "history" && <HistoryOf kind={kind} id={record.id} onClose={() => setOver(undefined)} />}
      {over === "error" && <InError kind={kind} record={record} onClose={() => setOver(undefined)} />}
    </>
  );
}

/** The kinds of records that belong to this one. */
function Parts({ kind, id }: { kind: EntityInfo; id: string }) {
  const kinds = useAnswer("model.entities", {});
  const parts = (kinds.data ?? []).flatMap((other) => other.fields.filter((field) => field.references === kind.name && field.required).map((field) => ({ other, field })));
  if (parts.length === 0) return null;
  return (
    <details className="parts" open={parts.length < 12}>
      <summary>{t("records.parts")}</summary>
      {parts.map(({ other, field }) => <a key={other.name + field.name} href={to.records(other.name, "", `${field.name}:${id}`)}>{other.plural}</a>)}
    </details>
  );
}

function Value({ field, record }: { field: FieldInfo; record: RecordView }) {
  const value = record.values[field.name];
  if (field.kind === "reference" && field.references) return <a href={field.references === "users" ? to.person(String(value)) : to.records(field.references, String(value))}>{record.references[field.name] ?? t("records.elsewhere")}</a>;
  if (field.kind === "json") return <JsonView value={value} />;
  return <span className="prose">{shown(field, value)}</span>;
}

function Edit({ kind, record, by, onDone }: { kind: EntityInfo; record?: RecordView; by: string; onDone?: () => void }) {
  const owner = record ? undefined : ownerOf(by);
  const create = useAction("records.create");
  const update = useAction("records.update");
  const [values, setValues] = useState<Record<string, unknown>>(() => record?.values ?? { ...Object.fromEntries(kind.fields.filter((field) => field.default !== null).map((field) => [field.name, field.default])), ...(owner ? { [owner.field]: owner.id } : {}) });
  const owned = useAnswer("records.get", { entity: kind.fields.find((field) => field.name === owner?.field)?.references ?? "", id: owner?.id ?? "" }, owner !== undefined);
  const [changed, setChanged] = useState<Record<string, unknown>>({});
  const kinds = useAnswer("model.entities", {});
  const need = kind.needs.find((one) => one.values.includes(String(values[one.field])));
  const partKind = kinds.data?.find((one) => one.name === need?.entity);
  const there = useAnswer("records.list", { entity: need?.entity ?? "", filters: [{ field: need?.by ?? "", how: "is", value: record?.id ?? "" }], sort: [], offset: 0, limit: 1, with_errors: false }, need !== undefined && record !== undefined);
  const [drafts, setDrafts] = useState<Draft[]>([]);
  const parts = need ? toParts(need, drafts) : [];
  const [savedAt, setSavedAt] = useState<string>();
  const [more, setMore] = useState(false);
  const error = create.error ?? update.error;
  const set = (name: string, value: unknown) => {
    setValues({ ...values, [name]: value });
    setChanged({ ...changed, [name]: value });
    setSavedAt(undefined);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (record) update.mutate({ entity: kind.name, id: record.id, values: changed, parts }, { onSuccess: () => { setSavedAt(new Date().toISOString()); setChanged({}); setDrafts([]); onDone?.(); } });
    else create.mutate({ entity: kind.name, values: Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== "")), parts }, { onSuccess: (made) => go(to.records(kind.name, made.id, by)) });
  };
  const editable = kind.fields.filter((field) => field.name !== "id" && !field.managed);
  const first = editable.filter((field) => field.required || kind.title.includes(field.name) || (record && record.values[field.name] !== null && record.values[field.name] !== undefined) || error?.field === field.name);
  const rest = editable.filter((field) => !first.includes(field));
  const open = more || first.length < 6;
  const draw = (field: FieldInfo) => <Widget key={field.name} field={field} value={values[field.name]} name={record?.references[field.name] ?? (field.name === owner?.field ? (owned.data?.title ?? "") : "")} onChange={(value) => set(field.name, value)} error={error?.field === field.name ? error.message : undefined} />;
  const body = (
    <>
      <header>
        <div className="grow"><h2>{record ? record.title || t("records.unnamed") : t("records.new_of", { label: kind.label })}</h2>{savedAt ? <p className="row saved small"><Tick className="icon" />{t("administer.saved_at", { time: moment(savedAt) })}</p> : <p className="small muted">{kind.help}</p>}</div>
        {onDone ? <button className="btn plain square" aria-label={t("dialog.close")} onClick={onDone}><X className="icon" /></button> : <a className="btn plain square" aria-label={t("dialog.close")} href={to.records(kind.name, "", by)}><X className="icon" /></a>}
      </header>
      <form className="scroll" id="record-form" onSubmit={submit} noValidate>
        {first.map(draw)}
        {need && partKind && <NeededParts need={need} kind={partKind} has={(there.data?.total ?? 0) > 0} drafts={drafts} onChange={setDrafts} />}
        {open ? rest.map(draw) : <button type="button" className="btn" onClick={() => setMore(true)}>{t("records.more", { n: rest.length })}</button>}
        {error && (!error.field || !editable.some((field) => field.name === error.field)) && <Failure error={error} />}
      </form>
      <footer>
        {onDone ? <button type="button" className="btn" onClick={onDone}>{t("dialog.cancel")}</button> : <a className="btn" href={to.records(kind.name, "", by)}>{t("dialog.cancel")}</a>}
        <button className="btn primary end" form="record-form" aria-busy={create.isPending || update.isPending}>{record ? t("records.keep", { n: Object.keys(changed).length + drafts.length }) : t("records.add")}</button>
      </footer>
    </>
  );
  return record ? body : <aside className="edit" aria-label={kind.label}>{body}</aside>;
}

function HistoryOf({ kind, id, onClose }: { kind: EntityInfo; id: string; onClose: () => void }) {
  const history = useAnswer("records.history", { entity: kind.name, id });
  const label = (name: string) => kind.fields.find((field) => field.name === name)?.label ?? name;
  return (
    <Dialog title={t("records.history")} onClose={onClose} wide>
      <Answer query={history}>
        {(entries) => (
          <div>
            {entries.map((entry, at) => <div key={at} className="li"><span className="grow"><b>{word("command", entry.command)}</b>{entry.reason && <span className="block">“{entry.reason}”</span>}<span className="small muted block">{entry.fields.map(label).join(", ")}</span></span><span className="small muted">{entry.actor}<br />{when(entry.at, t("time.today"))}</span></div>)}
            {entries.length === 0 && <p className="pad muted">{t("records.no_history")}</p>}
          </div>
        )}
      </Answer>
    </Dialog>
  );
}

function InError({ kind, record, onClose }: { kind: EntityInfo; record: RecordView; onClose: () => void }) {
  const mark = useAction("records.enter_in_error");
  return <ReasonDialog title={t("records.mark_error_title", { title: record.title || kind.label })} text={t("records.mark_error_text")} label={t("records.mark_error_do")} doing={mark} onReason={(reason) => mark.mutate({ entity: kind.name, id: record.id, reason }, { onSuccess: onClose })} onClose={onClose} />;
}
