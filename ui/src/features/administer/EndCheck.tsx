// At the end: which items still have no answer, and what that means for the score.
import { t } from "../../lib/messages";
import type { Run } from "./Administer";
import { TriangleAlert } from "lucide-react";

export function EndCheck({ run, onGo }: { run: Run; onGo: (question: string) => void }) {
  const items = run.state.form.items;
  return (
    <div className="banner attention" role="alert">
      <TriangleAlert className="icon icon-lg" />
      <div className="grow stack-1">
        <b>{t("administer.missing", { n: run.missing.length })}</b>
        <div className="row wrap">{run.missing.map((id) => <button key={id} className="btn sm" onClick={() => onGo(id)}>{t("administer.go_to", { n: items.findIndex((item) => item.question_id === id) + 1 })}</button>)}</div>
        <p className="small">{t("administer.missing_text")} <button className="link" onClick={run.finishWithMissing}>{t("administer.finish_anyway")}</button></p>
      </div>
    </div>
  );
}
