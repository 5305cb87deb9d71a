// The records of one kind: found, filtered, sorted, by page; one of them open beside the list.
import { ArrowDown, ArrowUp, Filter, Plus, Search, X } from "lucide-react";
import { useState, type KeyboardEvent } from "react";
import type { EntityInfo, FieldInfo, FilterRequest, How, RecordView } from "../../bindings/commands";
import { useActions } from "../../lib/keys";
import { choiceOf } from "../../lib/labels";
import { t } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { Dialog } from "../../parts/Dialog";
import { Check, ChoiceField, TextField } from "../../parts/Field";
import { ReviewMark } from "../../parts/ReviewMark";
import { Answer, Empty } from "../../parts/States";
import { RecordPanel } from "./RecordPanel";
import { ownerOf } from "./owner";
import { OtherKinds } from "./Records";
import { shown } from "../../parts/shown";

const PAGE = 50;

/** `by`: field and id of the record to which the listed ones belong, as “questionnaire_id:…”; or empty. */
export function RecordList({ kind, id, by }: { kind: EntityInfo; id: string; by: string }) {
  const [text, setText] = useState("");
  const [filters, setFilters] = useState<FilterRequest[]>(() => { const owner = ownerOf(by); return owner ? [{ field: owner.field, how: "is", value: owner.id }] : []; });
  const [sort, setSort] = useState<{ field: string; descending: boolean }>();
  const [page, setPage] = useState(0);
  const [withErrors, setWithErrors] = useState(false);
  const [adding, setAdding] = useState(false);
  const narrow = id !== "";
  const list = useAnswer("records.list", { entity: kind.name, filters, sort: sort ? [sort] : [], text: text || null, offset: page * PAGE, limit: PAGE, with_errors: withErrors });
  const owner = useAnswer("records.get", { entity: kind.fields.find((field) => field.name === ownerOf(by)?.field)?.references ?? "", id: ownerOf(by)?.id ?? "" }, by !== "");
  const columns = columnsOf(kind, narrow ? 3 : 6);
  const rows = list.data?.records ?? [];
  const at = rows.findIndex((row) => row.id === id);
  useActions([
    { id: "new-record", label: t("records.new_of", { label: kind.label }), keys: "C", run: () => go(to.records(kind.name, "new", by)) },
    { id: "filter", label: t("records.filter"), keys: "F", run: () => setAdding(true) },
  ]);
  const press = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)))];
    if (!next) return;
    event.preventDefault();
    go(to.records(kind.name, next.id, by));
  };
  const total = list.data?.total ?? 0;
  const restart = <T,>(set: (value: T) => void) => (value: T) => { setPage(0); set(value); };
  return (
    <>
      <div className="head"><h1>{kind.plural}</h1><OtherKinds now={kind} /><span className="grow" /><a className="btn primary" href={to.records(kind.name, "new", by)}><Plus className="icon" />{t("records.new")}<kbd>C</kbd></a></div>
      <div className="tools">
        {kind.searchable && <span className="input search"><Search className="icon" /><input aria-label={t("records.find")} placeholder={t("records.find")} value={text} onChange={(event) => restart(setText)(event.target.value)} onKeyDown={press} /></span>}
        {filters.map((filter, index) => (
          <span key={index} className="chip on">{describe(kind, filter, owner.data?.title)}<button aria-label={t("records.remove_filter")} onClick={() => restart(setFilters)(filters.filter((_, one) => one !== index))}><X className="icon" /></button></span>
        ))}
        <button className="chip" onClick={() => setAdding(true)}><Filter className="icon" />{t("records.filter")}</button>
        <Check checked={withErrors} onChange={restart(setWithErrors)}>{t("records.with_errors")}</Check>
        <span className="muted small end num">{t("records.count", { n: total })}</span>
      </div>
      <div className={narrow ? "split" : "split full"}>
        <div className="grid-pane">
          <Answer query={list}>
            {(data) => data.records.length === 0 ? (
              <Empty title={filters.length > 0 || text ? t("records.none_found") : t("records.none", { plural: kind.plural.toLowerCase() })} action={filters.length > 0 || text ? <button className="btn" onClick={() => { setFilters([]); setText(""); }}>{t("records.clear")}</button> : <a className="btn primary" href={to.records(kind.name, "new", by)}>{t("records.new_of", { label: kind.label })}</a>}>{kind.help}</Empty>
            ) : (
              <div className="scroll rows" onKeyDown={press}>
                <table className="grid">
                  <thead><tr><th>{t("records.name")}</th>{columns.map((column) => <Header key={column.name} column={column} sort={sort} onSort={restart(setSort)} />)}</tr></thead>
                  <tbody>
                    {data.records.map((record) => (
                      <tr key={record.id} className="pick" aria-selected={record.id === id} onClick={() => go(to.records(kind.name, record.id, by))}>
                        <td><a href={to.records(kind.name, record.id, by)} className="name">{record.title || t("records.unnamed")}</a>{record.error_reason !== null && <span className="badge">{t("records.in_error")}</span>}<ReviewMark entity={kind.name} id={record.id} /></td>
                        {columns.map((column) => <td key={column.name} className={isNumber(column) ? "n" : undefined}>{cell(record, column)}</td>)}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </Answer>
          {total > PAGE && (
            <div className="pager"><span className="muted small num">{t("records.page", { from: page * PAGE + 1, to: Math.min(total, (page + 1) * PAGE), of: total })}</span>
              <button className="btn sm end" aria-disabled={page === 0} onClick={() => page > 0 && setPage(page - 1)}>{t("records.before")}</button><button className="btn sm" aria-disabled={(page + 1) * PAGE >= total} onClick={() => (page + 1) * PAGE < total && setPage(page + 1)}>{t("records.after")}</button></div>
          )}
        </div>
        {narrow && <RecordPanel key={id} kind={kind} id={id} by={by} />}
      </div>
      {adding && <AddFilter kind={kind} onClose={() => setAdding(false)} onAdd={(filter) => { restart(setFilters)([...filters, filter]); setAdding(false); }} />}
    </>
  );
}

function Header({ column, sort, onSort }: { column: FieldInfo; sort: { field: string; descending: boolean } | undefined; onSort: (sort: { field: string; descending: boolean }) => void }) {
  const on = sort?.field === column.name;
  return (
    <th className={isNumber(column) ? "n" : undefined} aria-sort={on ? (sort.descending ? "descending" : "ascending") : "none"}>
      <button className="sort" onClick={() => onSort({ field: column.name, descending: on && !sort.descending })}>{column.label}{on && (sort.descending ? <ArrowDown className="icon" /> : <ArrowUp className="icon" />)}</button>
    </th>
  );
}

function AddFilter({ kind, onClose, onAdd }: { kind: EntityInfo; onClose: () => void; onAdd: (filter: FilterRequest) => void }) {
  const fields = kind.fields.filter((field) => field.kind !== "json" && field.kind !== "reference" && field.kind !== "id");
  const [name, setName] = useState(fields[0]?.name ?? "");
  const field = fields.find((one) => one.name === name);
  const ways = waysOf(field);
  const [how, setHow] = useState<How>(ways[0] ?? "is");
  const [value, setValue] = useState(field?.choices[0] ?? "");
  const choose = (chosen: string) => {
    const next = fields.find((one) => one.name === chosen);
    setName(chosen);
    setHow(waysOf(next)[0] ?? "is");
    setValue(next?.choices[0] ?? (next?.kind === "boolean" ? "true" : ""));
  };
  const typed = field?.kind === "boolean" ? value === "true" : field?.kind === "integer" ? Number(value) : field?.kind === "instant" && /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value;
  return (
    <Dialog title={t("records.filter")} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={(event) => { event.preventDefault(); if (value !== "") onAdd({ field: name, how, value: typed }); }}>
        <ChoiceField label={t("records.field")} value={name} onChange={choose} choices={fields.map((one) => ({ value: one.name, text: one.label }))} />
        <ChoiceField label={t("records.how")} value={how} onChange={(one) => setHow(one as How)} choices={ways.map((one) => ({ value: one, text: t(`how.${one}` as "how.is") }))} />
        {field && field.choices.length > 0 ? <ChoiceField label={t("records.value")} value={value} onChange={setValue} choices={field.choices.map((one) => ({ value: one, text: choiceOf(one) }))} />
          : field?.kind === "boolean" ? <ChoiceField label={t("records.value")} value={value || "true"} onChange={setValue} choices={[{ value: "true", text: t("widget.yes") }, { value: "false", text: t("widget.no") }]} />
          : <TextField label={t("records.value")} value={value} onChange={setValue} hint={field?.kind === "date" || field?.kind === "instant" ? t("widget.date_hint") : undefined} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end">{t("records.filter_do")}</button></div>
      </form>
    </Dialog>
  );
}

function waysOf(field: FieldInfo | undefined): How[] {
  if (!field || field.kind === "boolean") return ["is"];
  if (field.choices.length > 0) return ["is", "not"];
  return field.kind === "text" || field.kind === "long_text" ? ["contains", "starts", "is", "not"] : ["is", "at_least", "at_most", "not"];
}

function describe(kind: EntityInfo, filter: FilterRequest, owner = ""): string {
  const field = kind.fields.find((one) => one.name === filter.field);
  if (field?.kind === "reference") return `${field.label}: ${owner}`;
  return `${field?.label ?? filter.field} ${t(`how.${filter.how}` as "how.is")} ${field?.choices.length ? choiceOf(String(filter.value)) : String(filter.value)}`;
}

/** The columns that say most: choices, numbers, dates and references; long texts and data stay in the form. */
function columnsOf(kind: EntityInfo, most: number): FieldInfo[] {
  const weight = (field: FieldInfo) => (field.choices.length > 0 ? 0 : field.kind === "reference" ? 1 : ["date", "instant", "integer", "decimal"].includes(field.kind) ? 2 : 3);
  const useful = kind.fields.filter((field) => !kind.title.includes(field.name) && !["json", "long_text", "id"].includes(field.kind) && !["id", "created_at", "deleted_at"].includes(field.name));
  const best = new Set(useful.toSorted((a, b) => weight(a) - weight(b)).slice(0, most));
  return useful.filter((field) => best.has(field));
}

function isNumber(field: FieldInfo): boolean {
  return field.choices.length === 0 && (field.kind === "integer" || field.kind === "decimal");
}

function cell(record: RecordView, field: FieldInfo): string {
  const text = field.kind === "reference" ? (record.references[field.name] ?? "") : shown(field, record.values[field.name]);
  return text.length > 42 ? `${text.slice(0, 40)}…` : text;
}
