// One change: what it writes beside what stands here, and, when it was put aside, other values for it.
import { Send, SquareArrowOutUpRight } from "lucide-react";
import { useEffect, useState, type FormEvent } from "react";
import type { ChangedRecord, ChangeDetail, DeskError, EntityInfo, FieldInfo } from "../../bindings/commands";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { Dialog } from "../../parts/Dialog";
import { Answer, Failure, Note } from "../../parts/States";
import { textOf } from "../../parts/shown";
import { Widget } from "../../parts/Widget";

export function ChangeDialog({ dseq, onClose }: { dseq: number; onClose: () => void }) {
  const change = useAnswer("sync.change", { dseq });
  const kinds = useAnswer("model.entities", {});
  return (
    <Dialog title={change.data ? word("command", change.data.command) : t("sync.look")} onClose={onClose} className="change">
      <Answer query={change}>{(data) => <Answer query={kinds}>{(known) => (data.can_mend ? <Mend change={data} kinds={known} onClose={onClose} /> : <Look change={data} kinds={known} onClose={onClose} />)}</Answer>}</Answer>
    </Dialog>
  );
}

const key = (record: ChangedRecord): string => `${record.entity} ${record.id}`;
const kindOf = (kinds: EntityInfo[], record: ChangedRecord): FieldInfo[] => kinds.find((one) => one.name === record.entity)?.fields ?? [];
const given = (fields: FieldInfo[], record: ChangedRecord): FieldInfo[] => fields.filter((field) => field.name in record.values);

function About({ record }: { record: ChangedRecord }) {
  const name = record.title ? `${record.label}: ${record.title}` : record.label;
  return (
    <header className="row wrap">
      <h3 className="grow">{name}</h3>
      <span className="badge">{t(`sync.what.${record.what}`)}</span>
      {record.is_here && <a className="row small" href={to.records(record.entity, record.id)}><SquareArrowOutUpRight className="icon" />{t("review.record")}</a>}
    </header>
  );
}

function Look({ change, kinds, onClose }: { change: ChangeDetail; kinds: EntityInfo[]; onClose: () => void }) {
  const gone = change.records.some((record) => !record.is_here && record.what !== "created");
  return (
    <div className="pad stack">
      {change.reason && <p>“{change.reason}”</p>}
      {gone && <Note>{t("sync.not_here")}</Note>}
      {change.records.map((record) => (
        <section key={key(record)} className="stack-2" aria-label={record.title || record.label}>
          <About record={record} />
          {record.error_reason !== null ? <p>{t("records.in_error")}{record.error_reason && `: “${record.error_reason}”`}</p> : <Written record={record} fields={given(kindOf(kinds, record), record)} />}
        </section>
      ))}
      <div className="row"><button type="button" className="btn end" onClick={onClose}>{t("dialog.close")}</button></div>
    </div>
  );
}

/** Field by field: what the change writes, and what stands here where that is something else. */
function Written({ record, fields }: { record: ChangedRecord; fields: FieldInfo[] }) {
  const names = record.references as Record<string, string>;
  const differs = record.stands !== null && fields.some((field) => JSON.stringify(record.stands?.[field.name] ?? null) !== JSON.stringify(record.values[field.name] ?? null));
  return (
    <table className="written">
      <thead><tr><th scope="col">{t("sync.field")}</th><th scope="col">{t("sync.written")}</th>{differs && <th scope="col">{t("sync.stands")}</th>}</tr></thead>
      <tbody>
        {fields.map((field) => <tr key={field.name}><th scope="row">{field.label}</th><td className="prose">{textOf(field, record.values[field.name], names)}</td>{differs && <td className="prose muted">{textOf(field, record.stands?.[field.name], names)}</td>}</tr>)}
      </tbody>
    </table>
  );
}

function Mend({ change, kinds, onClose }: { change: ChangeDetail; kinds: EntityInfo[]; onClose: () => void }) {
  const [typed, setTyped] = useState<Record<string, Record<string, unknown>>>({});
  // Closes before the answers are asked for anew: this form goes with them.
  const mend = useAction("sync.mend", onClose);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    mend.mutate({ dseq: change.dseq, records: change.records.map((record) => ({ entity: record.entity, id: record.id, values: typed[key(record)] ?? {} })) });
  };
  useEffect(() => document.querySelector<HTMLElement>("dialog.change fieldset :is(input, select, textarea)")?.focus(), []);
  const other = Object.values(typed).some((values) => Object.keys(values).length > 0);
  return (
    <form className="pad stack" onSubmit={submit} noValidate>
      <p className="muted">{t("sync.mend_text")}</p>
      {change.records.map((record) => (
        <fieldset key={key(record)} className="stack">
          <About record={record} />
          {record.error_reason !== null ? <p>{t("records.in_error")}{record.error_reason && `: “${record.error_reason}”`}</p> : <Fields record={record} fields={kindOf(kinds, record)} typed={typed[key(record)] ?? {}} error={mend.error} onChange={(values) => setTyped({ ...typed, [key(record)]: values })} />}
        </fieldset>
      ))}
      {mend.error && <Failure error={mend.error} />}
      <div className="row dialog-foot"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={mend.isPending}><Send className="icon" />{other ? t("sync.mend_do") : t("sync.resend")}</button></div>
    </form>
  );
}

interface FieldsProps {
  record: ChangedRecord;
  fields: FieldInfo[];
  typed: Record<string, unknown>;
  error: DeskError | null;
  onChange: (values: Record<string, unknown>) => void;
}

function Fields({ record, fields, typed, error, onChange }: FieldsProps) {
  const draw = (field: FieldInfo) => {
    const value = field.name in typed ? typed[field.name] : record.values[field.name];
    return <Widget key={field.name} field={field} value={value} name={(record.references as Record<string, string>)[String(value)] ?? ""} error={error?.field === field.name ? error.message : undefined} onChange={(next) => onChange({ ...typed, [field.name]: next })} />;
  };
  const first = given(fields, record);
  // What was left empty may be just what is missing.
  const rest = record.what === "created" ? fields.filter((field) => !field.managed && !first.includes(field)) : [];
  return (
    <>
      {first.map(draw)}
      {rest.length > 0 && <details open={rest.some((field) => error?.field === field.name) || undefined}><summary>{t("sync.more_fields", { n: rest.length })}</summary><div className="stack pad-top">{rest.map(draw)}</div></details>}
    </>
  );
}
