// Needs review: the cases at the side, and both values of the chosen one.
import { CalendarDays, ClipboardList, FileWarning, History, Inbox, Scale, StickyNote, Table2, UserRound, type LucideIcon } from "lucide-react";
import type { KeyboardEvent } from "react";
import type { CaseInfo } from "../../bindings/commands";
import { subjectOf } from "../../lib/case";
import { t } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { when } from "../../lib/time";
import { Answer, Empty } from "../../parts/States";
import { CasePage } from "./CasePage";

export function Review({ decided, id }: { decided: boolean; id: string }) {
  const inbox = useAnswer("review.list", { decided });
  const cases = inbox.data?.cases ?? [];
  // Without a choice the first one is open; what was just decided stays in sight until another is chosen.
  const chosen = id || cases[0]?.id || "";
  const press = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = cases[Math.max(0, Math.min(cases.length - 1, cases.findIndex((one) => one.id === chosen) + step))];
    if (!next) return;
    go(to.review(next.id, decided));
    document.getElementById(`case-${next.id}`)?.focus();
  };
  return (
    <>
      <div className="head">
        <div className="grow"><h1>{t("nav.review")}</h1><p className="sub">{t("review.sub")}</p></div>
        {decided ? <a className="btn quiet" href={to.review()}><Inbox className="icon" />{t("review.open")}</a> : <a className="btn quiet" href={to.review("", true)}><History className="icon" />{t("review.decided")}</a>}
      </div>
      <Answer query={inbox}>
        {(data) => data.cases.length === 0 && !id ? (
          <Empty title={decided ? t("review.none_decided") : t("review.none")}>{data.others > 0 ? t("review.others", { n: data.others }) : t("review.none_text")}</Empty>
        ) : (
          <div className="review">
            <nav className="cases scroll" aria-label={decided ? t("review.decided") : t("review.open")} onKeyDown={press}>
              {data.cases.map((one) => <Row key={one.id} one={one} chosen={one.id === chosen} decided={decided} />)}
              {!decided && data.cases.length === 0 && <p className="pad-2 small muted">{t("review.all_decided")}</p>}
              {!decided && data.others > 0 && <p className="pad-2 small muted">{t("review.others", { n: data.others })}</p>}
            </nav>
            {chosen && <CasePage key={chosen} id={chosen} next={decided ? undefined : cases.find((one) => one.id !== chosen)} />}
          </div>
        )}
      </Answer>
    </>
  );
}

const ICONS: Record<string, LucideIcon> = { appointments: CalendarDays, users: UserRound, user_profiles: UserRound, responses: ClipboardList, answers: ClipboardList, notes: StickyNote };

function Row({ one, chosen, decided }: { one: CaseInfo; chosen: boolean; decided: boolean }) {
  const Icon = one.kind === "in_error" || one.kind === "part_of_in_error" ? FileWarning : one.kind === "values" ? (ICONS[one.entity] ?? Table2) : Scale;
  const who = decided ? t(`review.${one.status}`) : one.yours ? t("review.yours") : t("review.assigned", { name: one.assigned_to });
  return (
    <a id={`case-${one.id}`} className="li pick" href={to.review(one.id, decided)} aria-current={chosen ? "true" : undefined}>
      <Icon className="icon" />
      <span className="grow"><b>{one.person || one.record || one.label}</b><span className="small block">{subjectOf(one)}</span><span className="small muted block">{when(one.at, t("time.today"))} · {who}</span></span>
    </a>
  );
}
