// All persons, found as you type.
import { Search, UserPlus } from "lucide-react";
import { useState, type KeyboardEvent } from "react";
import { t, word } from "../../lib/messages";
import { useActions } from "../../lib/keys";
import { fresh, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { age, fullDate } from "../../lib/time";
import { Avatar } from "../../parts/Avatar";
import { ReviewSign } from "../../parts/ReviewMark";
import { Answer, Empty } from "../../parts/States";

export function People() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const found = useAnswer("people.find", { text, limit: 100 });
  const list = fresh(found)?.people ?? [];
  useActions([{ id: "new-person", label: t("people.register"), keys: "C", run: () => go(to.register(text)) }]);
  const press = (event: KeyboardEvent) => {
    const chosen = list[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = Math.min(list.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)));
      setAt(next);
      document.getElementById(`person-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      if (chosen) go(to.person(chosen.id));
      else if (!found.isPlaceholderData) go(to.register(text));
    }
  };
  return (
    <>
      <div className="head">
        <div className="grow"><h1>{t("nav.people")}</h1>{found.data && <p className="sub">{t("people.on_this", { n: found.data.total })}</p>}</div>
        <a className="btn primary" href={to.register(text)}><UserPlus className="icon" />{t("people.register")}<kbd>C</kbd></a>
      </div>
      <div className="tools">
        <span className="input search"><Search className="icon" /><input autoFocus aria-label={t("people.find")} placeholder={t("people.find")} value={text} onChange={(event) => { setText(event.target.value); setAt(0); }} onKeyDown={press} /></span>
        <span className="muted small end">{text ? t("people.found", { n: list.length }) : t("people.latest")}</span>
      </div>
      <Answer query={found}>
        {(data) => data.people.length === 0 ? (
          <Empty title={text ? t("people.none_found", { text }) : t("people.none")} action={<a className="btn primary" href={to.register(text)}>{text ? t("people.register_named", { text }) : t("people.register")}</a>}>{text ? t("people.none_found_text") : t("people.none_text")}</Empty>
        ) : (
          <div className="body scroll">
            <div className="card">
              {data.people.map((person, index) => (
                <a key={person.id} id={`person-${index}`} className="li pick" href={to.person(person.id)} aria-current={index === at ? "true" : undefined}>
                  <Avatar name={person.name} />
                  <span className="grow"><b>{person.name}</b><span className="small muted block">{[person.born && t("person.born", { date: fullDate(person.born), age: age(person.born) }), person.gender, person.city].filter(Boolean).join(" · ") || t("person.nothing_more")}</span></span>
                  <ReviewSign person={person.id} />
                  <span className="badge">{word("role", person.role)}</span>
                </a>
              ))}
            </div>
          </div>
        )}
      </Answer>
    </>
  );
}
