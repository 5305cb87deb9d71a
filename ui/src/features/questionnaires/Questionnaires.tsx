// All questionnaires that can be administered, with their terms and bands.
import { Play, Search } from "lucide-react";
import { useState } from "react";
import type { QuestionnaireInfo } from "../../bindings/commands";
import { t, word } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { Severity } from "../../parts/Severity";
import { Answer, Empty } from "../../parts/States";
import { StartQuestionnaire } from "../../parts/StartQuestionnaire";

export function Questionnaires({ person }: { person: string }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<string>();
  const [start, setStart] = useState<QuestionnaireInfo>();
  const list = useAnswer("questionnaires.list", { text });
  const shown = list.data?.find((one) => one.id === chosen) ?? list.data?.[0];
  return (
    <>
      <div className="head"><div className="grow"><h1>{t("nav.questionnaires")}</h1><p className="sub">{t("questionnaires.sub", { n: list.data?.length ?? 0 })}</p></div></div>
      <div className="tools"><span className="input search"><Search className="icon" /><input aria-label={t("questionnaires.find")} placeholder={t("questionnaires.find")} value={text} onChange={(event) => setText(event.target.value)} /></span></div>
      <Answer query={list}>
        {(data) => data.length === 0 ? <Empty title={t("questionnaires.none")} action={text ? <button className="btn" onClick={() => setText("")}>{t("records.clear")}</button> : undefined}>{t("questionnaires.none_text")}</Empty> : (
          <div className="body cols scroll">
            <div className="card">
              {data.map((one) => (
                <button key={one.id} className="li pick" aria-pressed={one.id === shown?.id} onClick={() => setChosen(one.id)} onDoubleClick={() => setStart(one)}>
                  <span className="grow"><b>{one.short_title}</b> <span className="muted">{one.title !== one.short_title && one.title}</span>
                    <span className="small muted block">{[t("questionnaires.items", { n: one.items }), one.minutes !== null && t("questionnaires.minutes", { n: one.minutes }), t("questionnaires.version", { version: one.version }), one.language].filter(Boolean).join(" · ")}</span></span>
                  {one.status !== "published" && one.status !== "active" && <span className="badge">{word("form_status", one.status)}</span>}
                </button>
              ))}
            </div>
            {shown && <About key={shown.id} info={shown} onStart={() => setStart(shown)} />}
          </div>
        )}
      </Answer>
      {start && <StartQuestionnaire questionnaire={start} personId={person} onClose={() => setStart(undefined)} />}
    </>
  );
}

function About({ info, onStart }: { info: QuestionnaireInfo; onStart: () => void }) {
  const form = useAnswer("questionnaires.get", { id: info.id });
  return (
    <section className="card about" aria-label={info.short_title}>
      <header><h3>{info.short_title}</h3></header>
      <div className="pad stack">
        <p>{info.description || info.title}</p>
        <button className="btn primary" onClick={onStart}><Play className="icon" />{t("today.start")}</button>
        {form.data && (
          <>
            {form.data.bands.length > 0 && <div className="stack-1">{form.data.bands.map((band) => <div key={band.name} className="row"><Severity step={band.step} name={band.name} /><span className="muted small num">{band.from}–{band.to}</span></div>)}</div>}
            {form.data.cut_offs.map((cut) => <p key={cut.at} className="small">{t("questionnaires.cut_off", { at: cut.at, label: cut.label })} <span className="muted">{cut.source}</span></p>)}
            <ol className="wording small">{form.data.items.map((item) => <li key={item.question_id}>{item.text}</li>)}</ol>
            {form.data.licence && <p className="small muted">{form.data.licence}</p>}
            {form.data.sources.map((source) => <p key={source} className="small muted">{source}</p>)}
          </>
        )}
      </div>
    </section>
  );
}
