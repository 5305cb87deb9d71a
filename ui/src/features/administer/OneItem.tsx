// One item a page, for the person who answers: large rows, number keys, nothing to save.
import { ArrowLeft, ArrowRight, Check, List, Pause } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { clock } from "../../lib/time";
import { Bag } from "../../parts/Bag";
import { Failure } from "../../parts/States";
import type { Run } from "./Administer";
import { Choices, optionsOf, pressed } from "../../parts/Choices";
import { EndCheck } from "./EndCheck";
import { LanguageChoice } from "../../parts/LanguageChoice";
import { stemOf } from "./wording";

const SIZES = [100, 125, 150];

export function OneItem({ run, onSwitch, title }: { run: Run; onSwitch: () => void; title: string }) {
  const items = run.state.form.items;
  const resumed = Math.max(0, items.findIndex((item) => item.question_id === run.state.current_question_id));
  const [at, setAt] = useState(resumed);
  const [ending, setEnding] = useState(false);
  const settings = useAnswer("settings.get", {});
  const keep = useAction("settings.set");
  const [size, setSize] = useState<number>();
  const scale = size ?? settings.data?.text_percent ?? 100;
  const heading = useId();
  const page = useRef<HTMLDivElement>(null);
  const item = items[at];
  const given = item ? run.given[item.question_id] : undefined;
  const last = at === items.length - 1;
  const move = (to: number) => {
    const next = items[to];
    if (!next) return;
    setAt(to);
    setEnding(false);
    run.show(next);
  };
  const forward = () => (last ? (setEnding(true), run.finish()) : move(at + 1));
  useEffect(() => page.current?.querySelector<HTMLElement>(".ans [tabindex='0'], .ans input, .ans textarea")?.focus(), [at]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const field = (event.target as HTMLElement).closest("input, textarea, select, dialog");
      if (!item || field || event.ctrlKey || event.altKey || event.metaKey) return;
      const option = optionsOf(item).find((one) => one.value === event.key);
      if (option) {
        run.answer(item, pressed(item, given?.value, option.answer));
        page.current?.querySelector<HTMLElement>(`[data-value="${CSS.escape(option.value)}"]`)?.focus();
      }
      else if (event.key === "Enter" && !(event.target as HTMLElement).closest("button:not(.ans button), a")) forward();
      else if (event.key === "PageDown") forward();
      else if (event.key === "PageUp" || event.key === "Backspace") move(at - 1);
      else if (event.key === "Escape") go(to.today());
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
  const setTextSize = (percent: number) => {
    setSize(percent);
    if (settings.data) keep.mutate({ ...settings.data, text_percent: percent });
  };
  if (!item) return null;
  const stem = stemOf(item, run.state.form);
  return (
    <div className="administer" style={{ fontSize: `${scale}%` }} data-scale={scale}>
      <header className="top">
        <span className="row who"><Bag />{title}</span>
        <span className="end size" role="group" aria-label={t("administer.size")}>
          {SIZES.map((percent, index) => <button key={percent} aria-pressed={percent === scale} aria-label={t(`administer.size_${index}` as "administer.size_0")} data-size={index} onClick={() => setTextSize(percent)}>A</button>)}
        </span>
        <LanguageChoice />
        <button className="tool" onClick={onSwitch}><List className="icon icon-lg" />{t("administer.list")}</button>
      </header>
      <main className="page" ref={page}>
        <div>
          <div className="prog"><span>{t("today.question", { n: at + 1, of: items.length })}</span><span className="steps" aria-hidden="true">{items.map((one, index) => <i key={one.question_id} className={index === at ? "here" : run.given[one.question_id] ? "done" : ""} />)}</span></div>
          {stem && <p className="stem">{stem}</p>}
          <h1 className="q" id={heading}>{item.text}</h1>
          <Choices key={item.question_id} item={item} value={given?.value} onAnswer={(value) => run.answer(item, value)} labelledBy={heading} />
          <p className="row after" role="status">
            {run.error ? null : given?.status === "declined" ? <span className="muted">{t("administer.declined")}</span>
              : given && run.savedAt ? <span className="row saved"><Check className="icon icon-lg" />{t("administer.saved", { time: clock(run.savedAt) })}</span> : null}
            {given?.status !== "declined" && <button className="link end" onClick={() => { run.decline(item); }}>{t("administer.decline")}</button>}
          </p>
          {run.error && <Failure error={run.error} />}
          {ending && run.missing.length > 0 && <EndCheck run={run} onGo={(missing) => move(items.findIndex((one) => one.question_id === missing))} />}
        </div>
        <aside className="help-card">
          <h2>{t("administer.time")}</h2>
          <p>{t("administer.time_text")}</p>
          <p className="muted">{t("administer.now")}</p>
          <b>112</b>
          <p className="muted">{t("administer.now_text")}</p>
        </aside>
      </main>
      <footer className="foot">
        <div className="row">
          <button className="btn big" aria-disabled={at === 0} onClick={() => move(at - 1)}><ArrowLeft className="icon icon-lg" />{t("administer.back")}</button>
          <button className="btn big primary end" onClick={forward}>{last ? t("administer.finish") : t("administer.next")}<ArrowRight className="icon icon-lg" /></button>
        </div>
        <button className="btn big light" onClick={() => go(to.today())}><Pause className="icon icon-lg" />{t("administer.pause")}</button>
      </footer>
    </div>
  );
}
