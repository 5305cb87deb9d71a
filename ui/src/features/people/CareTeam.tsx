// Who looks after a person: the colleagues whose computers hold the record once it is synchronized.
import { UserPlus } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { Member, Person, Team } from "../../bindings/commands";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { fullDate } from "../../lib/time";
import { Avatar } from "../../parts/Avatar";
import { Combo } from "../../parts/Combo";
import { Dialog } from "../../parts/Dialog";
import { ReasonDialog } from "../../parts/ReasonDialog";
import { Answer, Failure } from "../../parts/States";

export function CareTeam({ person }: { person: Person }) {
  const team = useAnswer("team.of", { person: person.id });
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<Member>();
  return (
    <section className="card" aria-label={t("team.title")}>
      <header><h3>{t("team.title")}</h3></header>
      <Answer query={team}>
        {(known) => (
          <>
            {known.members.length === 0 && <p className="pad muted small">{t("team.only_you")}</p>}
            {known.members.map((member) => (
              <div key={member.relation} className="li">
                <Avatar name={member.colleague.name} />
                <span className="grow"><b>{member.colleague.name}</b>{member.is_me && ` ${t("team.you")}`}<span className="small muted block">{how(member)}</span></span>
                <button className="btn plain sm" onClick={() => setEnding(member)}>{t("team.end")}</button>
              </div>
            ))}
            <button className="li pick" onClick={() => setAdding(true)}><UserPlus className="icon" /><span className="grow">{t("team.add")}</span></button>
            {adding && <Add person={person} team={known} onClose={() => setAdding(false)} />}
          </>
        )}
      </Answer>
      {ending && <End person={person} member={ending} onClose={() => setEnding(undefined)} />}
    </section>
  );
}

/** By what somebody holds the record, and since when or until when. */
function how(member: Member): string {
  const role = word("role", member.colleague.role);
  if (!member.right) return member.since ? t("team.since", { role, date: fullDate(member.since) }) : role;
  const right = t(member.right === "read" ? "team.may_read" : "team.may_write", { role });
  return member.until ? t("team.until", { right, date: fullDate(member.until) }) : right;
}

function Add({ person, team, onClose }: { person: Person; team: Team; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState<Team["colleagues"][number]>();
  const add = useAction("team.add");
  const found = team.colleagues.filter((one) => one.name.toLocaleLowerCase().includes(typed.toLocaleLowerCase()));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (chosen) add.mutate({ person: person.id, colleague: chosen.id }, { onSuccess: onClose });
  };
  return (
    <Dialog title={t("team.add_title", { name: person.name })} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit} noValidate>
        <p className="muted">{t("team.add_text")}</p>
        <Combo
          label={t("team.colleague")} chosen={chosen?.name ?? ""} options={found} name={(one) => one.name} draw={(one) => <><b>{one.name}</b> <span className="muted">{word("role", one.role)}</span></>}
          nothing={t("team.nobody")} onType={setTyped} onChoose={setChosen} error={add.error?.field === "colleague" ? add.error.message : undefined} autoFocus
        />
        {add.error && !add.error.field && <Failure error={add.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-disabled={!chosen} aria-busy={add.isPending}>{t("team.add_do")}</button></div>
      </form>
    </Dialog>
  );
}

function End({ person, member, onClose }: { person: Person; member: Member; onClose: () => void }) {
  const end = useAction("team.end");
  return <ReasonDialog title={t("team.end_title", { name: member.colleague.name, person: person.name })} text={t("team.end_text")} label={t("team.end_do")} doing={end} onReason={(reason) => end.mutate({ relation: member.relation, reason }, { onSuccess: onClose })} onClose={onClose} />;
}
