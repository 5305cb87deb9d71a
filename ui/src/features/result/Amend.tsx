// Corrects an answer of a finished questionnaire, with a reason; the first answer stays in the history.
import { useState, type FormEvent } from "react";
import type { ResultView } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { useAction } from "../../lib/queries";
import { Dialog } from "../../parts/Dialog";
import { AreaField, ChoiceField } from "../../parts/Field";
import { Failure } from "../../parts/States";
import { Choices } from "../../parts/Choices";

export function Amend({ result, onClose }: { result: ResultView; onClose: () => void }) {
  const items = result.form.items;
  const [question, setQuestion] = useState(items[0]?.question_id ?? "");
  const item = items.find((one) => one.question_id === question);
  const present = result.answers.find((answer) => answer.question_id === question)?.value;
  const [value, setValue] = useState<unknown>(present);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const amend = useAction("responses.amend");
  const choose = (id: string) => {
    setQuestion(id);
    setValue(result.answers.find((answer) => answer.question_id === id)?.value);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (reason.trim() && value !== undefined) amend.mutate({ id: result.id, question_id: question, value, reason }, { onSuccess: onClose });
  };
  return (
    <Dialog title={t("amend.title")} onClose={onClose} wide>
      <form className="pad stack amend" onSubmit={submit}>
        <p className="muted">{t("amend.text")}</p>
        <ChoiceField label={t("amend.item")} value={question} onChange={choose} choices={items.map((one, at) => ({ value: one.question_id, text: `${at + 1}. ${one.text}` }))} />
        {item && <div className="compact-ans"><span className="sr" id="amend-item">{item.text}</span><Choices key={question} item={item} value={value} onAnswer={setValue} labelledBy="amend-item" /></div>}
        <AreaField label={t("amend.reason")} hint={t("amend.reason_hint")} rows={2} value={reason} onChange={setReason} error={tried && !reason.trim() ? t("amend.reason_missing") : undefined} />
        {amend.error && <Failure error={amend.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={amend.isPending}>{t("amend.do")}</button></div>
      </form>
    </Dialog>
  );
}
