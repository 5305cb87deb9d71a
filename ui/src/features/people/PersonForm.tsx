// What is known about a person: used to register and to correct.
import { TriangleAlert } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { DeskError, RegisterRequest } from "../../bindings/commands";
import { languages, t, word } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { age, fullDate, readDate } from "../../lib/time";
import { ChoiceField, TextField } from "../../parts/Field";
import { Failure } from "../../parts/States";

export const ROLES = ["patient", "therapist", "trainer", "coach", "staff", "admin"];

interface Props {
  from: RegisterRequest;
  /** Whether persons who may be the same are looked for. */
  lookForSame: boolean;
  action: string;
  pending: boolean;
  error: DeskError | null;
  onSave: (person: RegisterRequest) => void;
  onCancel: () => void;
}

export function PersonForm({ from, lookForSame, action, pending, error, onSave, onCancel }: Props) {
  const [person, setPerson] = useState(from);
  const [born, setBorn] = useState(from.born ? fullDate(from.born) : "");
  const [tried, setTried] = useState(false);
  const date = born.trim() === "" ? null : readDate(born);
  const set = (change: Partial<RegisterRequest>) => setPerson({ ...person, ...change });
  const similar = useAnswer("people.similar", { name: person.name, born: date ?? null }, lookForSame && person.name.trim().length > 2);
  const optional = (field: "gender" | "email" | "phone" | "city") => ({ value: person[field] ?? "", onChange: (value: string) => set({ [field]: value || null }), error: error?.field === field ? error.message : undefined });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (person.name.trim() === "" || date === undefined) return;
    onSave({ ...person, name: person.name.trim(), born: date });
  };
  const known = ["name", "born", "date_of_birth", "gender", "email", "phone", "city"].includes(error?.field ?? "");
  return (
    <form className="stack form" onSubmit={submit} noValidate>
      <TextField label={t("person.name")} autoFocus autoComplete="off" value={person.name} onChange={(name) => set({ name })} error={tried && person.name.trim() === "" ? t("person.name_missing") : error?.field === "name" ? error.message : undefined} />
      <div className="duo">
        <TextField label={t("person.birth")} hint={date ? t("person.is", { date: fullDate(date), age: age(date) }) : t("person.birth_hint")} autoComplete="off" value={born} onChange={setBorn} error={date === undefined && (tried || born.length > 9) ? t("person.birth_wrong") : ["born", "date_of_birth"].includes(error?.field ?? "") ? error?.message : undefined} />
        <TextField label={t("person.gender")} hint={t("person.gender_hint")} autoComplete="off" {...optional("gender")} />
      </div>
      {lookForSame && (similar.data?.length ?? 0) > 0 && (
        <div className="banner attention" role="status">
          <TriangleAlert className="icon icon-lg" />
          <div className="grow">
            <b>{t("person.same")}</b>
            {similar.data?.map((other) => (
              <div key={other.person.id} className="row small"><a href={to.person(other.person.id)}>{other.person.name}</a><span className="muted">{[other.person.born && fullDate(other.person.born), other.person.city].filter(Boolean).join(" · ")}</span></div>
            ))}
          </div>
        </div>
      )}
      <div className="duo">
        <TextField label={t("person.phone")} type="tel" autoComplete="off" {...optional("phone")} />
        <TextField label={t("person.email")} type="email" autoComplete="off" {...optional("email")} />
      </div>
      <div className="duo">
        <TextField label={t("person.city")} autoComplete="off" {...optional("city")} />
        <ChoiceField label={t("person.language")} value={person.language ?? ""} onChange={(language) => set({ language: language || null })} choices={[{ value: "", text: t("person.unknown") }, ...languagesOf(person.language)]} />
      </div>
      <ChoiceField label={t("person.role")} value={person.role ?? "patient"} onChange={(role) => set({ role })} choices={[...new Set([...ROLES, person.role ?? "patient"])].map((role) => ({ value: role, text: word("role", role) }))} />
      {error && !known && <Failure error={error} />}
      <div className="row">
        <button type="button" className="btn" onClick={onCancel}>{t("dialog.cancel")}</button>
        <button className="btn primary end" aria-busy={pending}>{action}<kbd>⏎</kbd></button>
      </div>
    </form>
  );
}

function languagesOf(present: string | null): { value: string; text: string }[] {
  const more: Record<string, string> = { ...languages, ar: "العربية", es: "Español", fr: "Français", hi: "हिन्दी", it: "Italiano", nl: "Nederlands", pl: "Polski", pt: "Português", ro: "Română", tr: "Türkçe", uk: "Українська", zh: "中文" };
  if (present && !(present in more)) more[present] = present;
  return Object.entries(more).map(([value, text]) => ({ value, text }));
}
