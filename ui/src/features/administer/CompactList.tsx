// All items on one page, for staff who ask or key in: a number answers and moves on.
import { Check, Maximize2, Pause } from "lucide-react";
import { useEffect, useState } from "react";
import { t, word } from "../../lib/messages";
import { go, to } from "../../lib/route";
import { clock } from "../../lib/time";
import { Failure } from "../../parts/States";
import type { Run } from "./Administer";
import { Choices, isChosen, optionsOf, pressed } from "../../parts/Choices";
import { EndCheck } from "./EndCheck";

export function CompactList({ run, onSwitch }: { run: Run; onSwitch: () => void }) {
  const items = run.state.form.items;
  const [at, setAt] = useState(Math.max(0, items.findIndex((item) => item.question_id === run.state.current_question_id)));
  const focus = (index: number) => {
    const next = items[index];
    if (!next) return;
    setAt(index);
    run.show(next);
    document.getElementById(`item-${index}`)?.scrollIntoView({ block: "nearest" });
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.target as HTMLElement).closest("input, textarea, select, dialog") || event.ctrlKey || event.altKey || event.metaKey) return;
      const item = items[at];
      const option = item && optionsOf(item).find((one) => one.value === event.key);
      if (item && option) {
        run.answer(item, pressed(item, run.given[item.question_id]?.value, option.answer));
        if (at < items.length - 1) focus(at + 1);
      } else if (event.key === "ArrowDown") focus(at + 1);
      else if (event.key === "ArrowUp") focus(at - 1);
      else if (event.key === "-" && item) run.decline(item);
      else if (event.key === "Escape") go(to.today());
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
  const answered = items.filter((item) => run.given[item.question_id]).length;
  return (
    <div className="administer-list">
      <div className="head">
        <div className="grow"><h1>{run.state.form.info.short_title}</h1><p className="sub">{[run.state.person?.name, word("mode", run.state.mode), t("administer.answered", { n: answered, of: items.length })].filter(Boolean).join(" · ")}</p></div>
        {run.savedAt && <span className="row saved small" role="status"><Check className="icon" />{t("administer.saved_at", { time: clock(run.savedAt) })}</span>}
        <button className="btn" onClick={onSwitch}><Maximize2 className="icon" />{t("administer.one")}</button>
        <button className="btn" onClick={() => go(to.today())}><Pause className="icon" />{t("administer.pause")}</button>
        <button className="btn primary" onClick={run.finish}>{t("administer.finish")}</button>
      </div>
      <div className="body scroll">
        {run.state.form.info.description && <p className="muted stem-line">{run.state.form.info.description}</p>}
        {run.error && <Failure error={run.error} />}
        {run.missing.length > 0 && <EndCheck run={run} onGo={(id) => focus(items.findIndex((item) => item.question_id === id))} />}
        <div className="card">
          {items.map((item, index) => {
            const given = run.given[item.question_id];
            const options = optionsOf(item);
            return (
              <div key={item.question_id} id={`item-${index}`} className={index === at ? "entry here" : "entry"} onPointerDown={() => setAt(index)}>
                <span className="no num">{index + 1}</span>
                <span className="grow" id={`text-${index}`}>{item.text}{given?.status === "declined" && <span className="badge">{t("administer.declined")}</span>}</span>
                {options.length > 0 ? (
                  <span className="seg" role="group" aria-labelledby={`text-${index}`}>
                    {options.map((option) => <button key={option.value} title={option.text} aria-label={option.text} aria-pressed={isChosen(item, given?.value, option.answer)} onClick={() => run.answer(item, pressed(item, given?.value, option.answer))}>{options.length > 5 ? option.value : <>{option.value} <span className="wide-only">{option.text}</span></>}</button>)}
                  </span>
                ) : <span className="written"><Choices item={item} value={given?.value} onAnswer={(value) => run.answer(item, value)} labelledBy={`text-${index}`} /></span>}
                <button className="btn plain sm" onClick={() => run.decline(item)}>{t("administer.decline_short")}</button>
              </div>
            );
          })}
        </div>
        <p className="muted small pad-2">{t("administer.list_keys")}</p>
      </div>
    </div>
  );
}
