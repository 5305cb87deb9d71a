// All records of all five systems: what kinds there are, their lists, and a form for each.
import { ChevronsUpDown, Search } from "lucide-react";
import { useState } from "react";
import type { EntityInfo } from "../../bindings/commands";
import { groupBy } from "../../lib/group";
import { groupOf } from "../../lib/labels";
import { t } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { Answer, Empty } from "../../parts/States";
import { RecordList } from "./RecordList";

export function Records({ entity, id, by }: { entity: string; id: string; by: string }) {
  const kinds = useAnswer("model.entities", {});
  return (
    <Answer query={kinds}>
      {(all) => {
        const chosen = all.find((kind) => kind.name === entity);
        return chosen ? <RecordList key={chosen.name} kind={chosen} id={id} by={by} /> : <Kinds all={all} />;
      }}
    </Answer>
  );
}

function Kinds({ all }: { all: EntityInfo[] }) {
  const [text, setText] = useState("");
  const needle = text.trim().toLowerCase();
  const found = all.filter((kind) => `${kind.plural} ${kind.name} ${kind.help}`.toLowerCase().includes(needle));
  const groups = groupBy(found, (kind) => kind.group);
  return (
    <>
      <div className="head"><div className="grow"><h1>{t("nav.records")}</h1><p className="sub">{t("records.sub", { n: all.length })}</p></div></div>
      <div className="tools"><span className="input search"><Search className="icon" /><input autoFocus aria-label={t("records.find_kind")} placeholder={t("records.find_kind")} value={text} onChange={(event) => setText(event.target.value)} /></span></div>
      <div className="body scroll">
        {found.length === 0 && <Empty title={t("records.no_kind")} />}
        <div className="kinds">
          {[...groups].map(([group, kinds]) => (
            <section key={group} className="card" aria-label={groupOf(group)}>
              <header><h3>{groupOf(group)}</h3></header>
              {kinds.map((kind) => <a key={kind.name} className="li pick" href={to.records(kind.name)} title={kind.help}><span className="grow"><b>{kind.plural}</b><span className="small muted block">{kind.help}</span></span></a>)}
            </section>
          ))}
        </div>
      </div>
    </>
  );
}

/** The way from one kind to another. */
export function OtherKinds({ now }: { now: EntityInfo }) {
  const kinds = useAnswer("model.entities", {});
  return (
    <span className="input kind-pick">
      <ChevronsUpDown className="icon" />
      <select aria-label={t("records.other")} value={now.name} onChange={(event) => { window.location.hash = to.records(event.target.value); }}>
        {kinds.data?.map((kind) => <option key={kind.name} value={kind.name}>{kind.plural}</option>)}
      </select>
    </span>
  );
}
