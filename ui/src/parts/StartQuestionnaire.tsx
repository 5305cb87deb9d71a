// Starts a questionnaire: with whom, which one, and how it is administered.
import { useState, type FormEvent } from "react";
import type { Mode, Person, QuestionnaireInfo } from "../bindings/commands";
import { t, word } from "../lib/messages";
import { fresh, useAction, useAnswer } from "../lib/queries";
import { go, to } from "../lib/route";
import { fullDate } from "../lib/time";
import { Combo } from "./Combo";
import { Dialog } from "./Dialog";
import { Failure } from "./States";

const MODES: Mode[] = ["self", "interviewer", "telephone", "paper_key_in"];

export function StartQuestionnaire({ person: given, personId = "", questionnaire: fixed, onClose }: { person?: Person; personId?: string; questionnaire?: QuestionnaireInfo; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [title, setTitle] = useState("");
  const [picked, setPicked] = useState<Person | undefined>(given);
  const [form, setForm] = useState<QuestionnaireInfo | undefined>(fixed);
  const [mode, setMode] = useState<Mode>("self");
  const [tried, setTried] = useState(false);
  const known = useAnswer("people.profile", { id: personId }, personId !== "");
  const person = picked ?? known.data?.person;
  const people = useAnswer("people.find", { text: typed, limit: 8 });
  const forms = useAnswer("questionnaires.list", { text: title });
  const begin = useAction("responses.start");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (person && form) begin.mutate({ person_id: person.id, questionnaire_id: form.id, mode }, { onSuccess: (made) => { onClose(); go(to.administer(made.id)); } });
  };
  return (
    <Dialog title={t("start_form.title")} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit}>
        {!given && (
          <Combo
            label={t("start_form.person")} chosen={person?.name ?? ""} options={fresh(people)?.people ?? []} name={(one) => one.name} autoFocus nothing={t("people.none_found_text")}
            draw={(one) => <><span className="grow">{one.name}</span><span className="muted small">{one.born ? fullDate(one.born) : ""}</span></>} onType={setTyped} onChoose={setPicked}
            error={tried && !person ? t("start_form.person_missing") : undefined} after={(text) => <a className="li small" href={to.register(text)} onPointerDown={(event) => { event.preventDefault(); onClose(); go(to.register(text)); }}>{text ? t("people.register_named", { text }) : t("people.register")}</a>}
          />
        )}
        {!fixed && (
          <Combo label={t("start_form.questionnaire")} chosen={form?.short_title ?? ""} options={fresh(forms) ?? []} name={(one) => one.short_title} autoFocus={Boolean(given)} nothing={t("questionnaires.none")} onType={setTitle} onChoose={setForm}
            draw={(one) => <><span className="grow"><b>{one.short_title}</b></span><span className="muted small">{t("questionnaires.items", { n: one.items })}</span></>} error={tried && !form ? t("start_form.questionnaire_missing") : undefined} />
        )}
        <fieldset className="field">
          <legend className="label">{t("start_form.mode")}</legend>
          <div className="modes">
            {MODES.map((one) => (
              <label key={one} className={one === mode ? "act on" : "act"}><input type="radio" name="mode" checked={one === mode} onChange={() => setMode(one)} /><span className="grow"><b>{word("mode", one)}</b><span className="small muted block">{word("mode_text", one)}</span></span></label>
            ))}
          </div>
        </fieldset>
        {begin.error && <Failure error={begin.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={begin.isPending}>{form && person ? t("start_form.do", { title: form.short_title, person: person.name }) : t("today.start")}</button></div>
      </form>
    </Dialog>
  );
}
