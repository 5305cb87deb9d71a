// One case: what it was before, what stands, what was also written, and the decision.
import { ArrowRight, Check, FilePlus2, History, Pencil, RotateCcw, SquareArrowOutUpRight } from "lucide-react";
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import type { Case, CaseInfo, DecisionChoice, EntityInfo, FieldInfo, Side } from "../../bindings/commands";
import { subjectOf } from "../../lib/case";
import { useActions } from "../../lib/keys";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { said } from "../../lib/said";
import { when } from "../../lib/time";
import { Dialog } from "../../parts/Dialog";
import { TextField } from "../../parts/Field";
import { Answer, Failure, Note } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { Values, headlineOf } from "./Values";

export function CasePage({ id, next }: { id: string; next: CaseInfo | undefined }) {
  const query = useAnswer("review.get", { id });
  const kinds = useAnswer("model.entities", {});
  return <Answer query={query}>{(data) => <Page one={data} next={next} kind={kinds.data?.find((one) => one.name === data.info.entity)} />}</Answer>;
}

function Page({ one, next, kind }: { one: Case; next: CaseInfo | undefined; kind: EntityInfo | undefined }) {
  const { info } = one;
  const [reason, setReason] = useState("");
  const [third, setThird] = useState(false);
  const decide = useAction("review.decide");
  const undo = useAction("review.undo");
  const open = info.status === "open";
  const fields = one.fields.flatMap((name) => kind?.fields.find((field) => field.name === name) ?? []);
  const choose = (choice: DecisionChoice, values?: Record<string, unknown>) => {
    // What is decided stays in sight, so that it can be undone at once.
    go(to.review(info.id));
    decide.mutate({ id: info.id, choice, reason, values: values ?? null }, { onSuccess: () => setThird(false) });
  };
  // What is decided by a key or a button that goes away is told where it stands now.
  const decided = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (decide.isSuccess && !open && (document.activeElement === document.body || document.activeElement?.tagName === "MAIN")) decided.current?.focus();
  }, [decide.isSuccess, open]);
  const canTake = info.kind === "values" || info.kind === "in_error" || info.kind === "part_of_in_error";
  useEffect(() => {
    if (!open || third) return undefined;
    const press = (event: KeyboardEvent) => {
      if ((event.target as HTMLElement).closest("input, textarea, select, dialog") || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "1") choose("keep");
      if (event.key === "2" && canTake) choose("take");
      if (event.key === "3" && info.kind === "values") setThird(true);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
  useActions(!open && next ? [{ id: "next-case", label: t("review.next", { name: next.person || next.record || next.label }), keys: "N", run: () => go(to.review(next.id)) }] : []);
  const error = decide.error ?? undo.error;
  const recordHref = info.person_id && info.entity === "users" ? to.person(info.person_id) : to.records(info.entity, info.record_id);
  return (
    <section className="case scroll" aria-label={subjectOf(info)}>
      <div className="row">
        <div className="grow"><h2>{info.person || info.record || info.label}</h2><p className="small muted">{subjectOf(info)}</p></div>
        {one.stands && <a className="row small" href={recordHref}><SquareArrowOutUpRight className="icon" />{t("review.record")}</a>}
      </div>
      {one.before && <div className="before"><History className="icon" /><span className="grow"><span className="muted">{t("review.before")}</span> <b>{headlineOf(fields, one.before.values, one.references)}</b></span>{one.before.by && <span className="small muted">{authorOf(one.before)}{one.before.at && `, ${when(one.before.at, t("time.today"))}`}</span>}</div>}
      {open && <p>{t(`review.explain.${info.kind}`)}</p>}
      {one.note && <Note>{said(one.note)}</Note>}
      {info.kind === "double" ? <Double one={one} fields={fields} open={open}>{open && <button className="btn" aria-busy={decide.isPending} onClick={() => choose("keep")}>{t("review.noted")}<kbd>1</kbd></button>}</Double> : <div className="two">
        <Value side={one.current} fields={fields} references={one.references} badge={info.kind === "in_error" || info.kind === "part_of_in_error" ? "" : open ? t("review.stands") : info.status === "kept_current" ? t("review.counts") : ""} level={info.status === "took_incoming"} chosen={info.status === "kept_current"}>
          {open && <button className="btn" aria-busy={decide.isPending} onClick={() => choose("keep")}>{t(KEEP[info.kind])}<kbd>1</kbd></button>}
        </Value>
        <Value side={one.incoming} fields={fields} references={one.references} level={open ? info.kind === "values" : info.status === "kept_current"} badge={open ? "" : info.status === "took_incoming" ? t("review.counts") : ""} chosen={info.status === "took_incoming"}>
          {open && canTake && <button className="btn" aria-busy={decide.isPending} onClick={() => choose("take")}>{info.kind === "in_error" && <FilePlus2 className="icon" />}{t(TAKE[info.kind])}<kbd>2</kbd></button>}
        </Value>
      </div>}
      {one.changed_since && one.stands && <Note>{t("review.changed_since", { value: headlineOf(fields, one.stands, one.references) })}</Note>}
      {info.status === "wrote_third" && one.stands && <div className="before chosen"><Check className="icon" /><span><span className="muted">{t("review.third_counts")}</span> <b>{headlineOf(fields, one.stands, one.references)}</b></span></div>}
      {error && <Failure error={error} />}
      {open ? (
        <>
          <div className="row wrap">
            {info.kind === "values" && <button className="btn" onClick={() => setThird(true)}><Pencil className="icon" />{t("review.third")}<kbd>3</kbd></button>}
            <span className="end small muted">{t("review.later")}</span>
          </div>
          <div className="why"><TextField label={<>{t("review.why")} <span className="muted plain-weight">{t("review.why_where")}</span></>} hint={t("review.why_hint")} autoComplete="off" value={reason} onChange={setReason} /></div>
          <p className="small muted">{info.kind === "values" ? t("review.nothing_lost") : t("review.stays_in_history")}</p>
        </>
      ) : (
        <div className="decided" ref={decided} tabIndex={-1} role="status">
          <p className="grow"><b>{t(`review.${info.status}`)}</b> <span className="muted">{[one.decided_by, one.decided_at && when(one.decided_at, t("time.today"))].filter(Boolean).join(", ")}</span>{one.reason && <span className="block">“{one.reason}”</span>}</p>
          {one.can_undo ? <button className="btn" aria-busy={undo.isPending} onClick={() => undo.mutate({ id: info.id })}><RotateCcw className="icon" />{t("review.undo")}</button> : <span className="small muted">{t("review.no_undo")}</span>}
          {next && <a className="btn" href={to.review(next.id)}>{t("review.next", { name: next.person || next.record || next.label })}<ArrowRight className="icon" /><kbd>N</kbd></a>}
        </div>
      )}
      {third && <Third one={one} fields={fields} pending={decide.isPending} error={decide.error?.field ? { field: decide.error.field, message: decide.error.message } : undefined} onWrite={(values) => choose("third", values)} onClose={() => setThird(false)} />}
    </section>
  );
}

const KEEP = { values: "review.keep", in_error: "review.keep_error", part_of_in_error: "review.keep_part", addendum: "review.noted", double: "review.noted", notice: "review.noted" } as const;
const TAKE = { values: "review.take", in_error: "review.take_anew", part_of_in_error: "review.take_part", addendum: "review.take", double: "review.take", notice: "review.take" } as const;

export function authorOf(side: Side): string {
  if (side.you) return side.by ? t("review.you_named", { name: side.by }) : t("review.you");
  return side.by || t("review.somebody");
}

/** `level`: stands beside one with a badge, and begins as far down as that. */
function Value({ side, fields, references, badge, level = false, chosen, children }: { side: Side; fields: FieldInfo[]; references: Record<string, string>; badge: string; level?: boolean; chosen: boolean; children: ReactNode }) {
  return (
    <div className={chosen ? "val on" : "val"}>
      {badge ? <span className="badge saved"><Check className="icon" />{badge}</span> : level && <span className="badge level" aria-hidden="true" />}
      {side.error_reason !== null ? <div><div className="v">{t("records.in_error")}</div>{side.error_reason && <p>“{side.error_reason}”</p>}</div> : <Values fields={fields} values={side.values} references={references} />}
      <dl>
        <dt>{t("review.who")}</dt><dd>{authorOf(side)}</dd>
        {side.at && <><dt>{t("review.when")}</dt><dd>{when(side.at, t("time.today"))}</dd></>}
      </dl>
      {children}
    </div>
  );
}

/** Two records that may be one and the same, side by side. */
function Double({ one, fields, open, children }: { one: Case; fields: FieldInfo[]; open: boolean; children: ReactNode }) {
  const { info, other } = one;
  const link = (id: string, title: string) => <a className="v" href={info.entity === "users" ? to.person(id) : to.records(info.entity, id)}>{title || info.label}</a>;
  return (
    <div className="two">
      <div className="val">
        {link(info.record_id, info.person || info.record)}
        <Values fields={fields} values={one.incoming.values} references={one.references} />
        <dl><dt>{t("review.who")}</dt><dd>{authorOf(one.incoming)}</dd>{one.incoming.at && <><dt>{t("review.when")}</dt><dd>{when(one.incoming.at, t("time.today"))}</dd></>}</dl>
      </div>
      <div className="val">
        {other ? link(other.id, other.title) : <div className="v">{t("review.other_elsewhere")}</div>}
        {!other && <p>{t("review.other_elsewhere_text")}</p>}
        {open && children}
      </div>
    </div>
  );
}

interface ThirdProps {
  one: Case;
  fields: FieldInfo[];
  pending: boolean;
  error: { field: string; message: string } | undefined;
  onWrite: (values: Record<string, unknown>) => void;
  onClose: () => void;
}

function Third({ one, fields, pending, error, onWrite, onClose }: ThirdProps) {
  const [values, setValues] = useState<Record<string, unknown>>(() => one.stands ?? one.current.values);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onWrite(values);
  };
  return (
    <Dialog title={t("review.third_title")} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit} noValidate>
        {fields.map((field) => <Widget key={field.name} field={field} value={values[field.name]} name={one.references[String(values[field.name])] ?? ""} error={error?.field === field.name ? error.message : undefined} onChange={(value) => setValues({ ...values, [field.name]: value })} />)}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={pending}>{t("review.third_do")}</button></div>
      </form>
    </Dialog>
  );
}
