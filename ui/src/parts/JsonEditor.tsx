// Structured data as a form: objects are named rows, lists are numbered rows; the text itself can be
// edited too.
import { Braces, Plus, X } from "lucide-react";
import { useState } from "react";
import { t } from "../lib/messages";
import { Problem } from "./States";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export function JsonEditor({ label, value, onChange, error }: { label: string; value: unknown; onChange: (value: unknown) => void; error: string | undefined }) {
  const [raw, setRaw] = useState<string>();
  const [bad, setBad] = useState(false);
  const json = (value ?? null) as Json;
  const type = (text: string) => {
    setRaw(text);
    try {
      onChange(text.trim() === "" ? null : JSON.parse(text));
      setBad(false);
    } catch {
      setBad(true);
    }
  };
  return (
    <fieldset className="field json">
      <legend className="row label">{label}<button type="button" className="btn plain sm end" aria-pressed={raw !== undefined} onClick={() => { if (!bad) setRaw(raw === undefined ? JSON.stringify(json, null, 2) : undefined); }}><Braces className="icon" />{t("json.text")}</button></legend>
      {raw !== undefined ? <textarea className={bad ? "input bad" : "input"} rows={8} aria-label={label} spellCheck={false} value={raw} onChange={(event) => type(event.target.value)} />
        : json === null ? <div className="row"><button type="button" className="btn sm" onClick={() => onChange({})}>{t("json.object")}</button><button type="button" className="btn sm" onClick={() => onChange([])}>{t("json.list")}</button><button type="button" className="btn sm" onClick={() => onChange("")}>{t("json.words")}</button></div>
        : <Node value={json} onChange={onChange} name={label} />}
      {bad && <Problem>{t("json.bad")}</Problem>}
      {error && <Problem>{error}</Problem>}
    </fieldset>
  );
}

function Node({ value, onChange, name }: { value: Json; onChange: (value: Json) => void; name: string }) {
  if (Array.isArray(value)) {
    return (
      <div className="node">
        {value.map((one, at) => (
          <div key={at} className="row">
            <span className="muted small num">{at + 1}</span><div className="grow"><Node value={one} name={`${name} ${at + 1}`} onChange={(next) => onChange(value.with(at, next))} /></div>
            <Remove onClick={() => onChange(value.filter((_, index) => index !== at))} />
          </div>
        ))}
        <button type="button" className="btn sm" onClick={() => onChange([...value, like(value[value.length - 1])])}><Plus className="icon" />{t("json.add")}</button>
      </div>
    );
  }
  if (value !== null && typeof value === "object") {
    return (
      <div className="node">
        {Object.entries(value).map(([key, one]) => (
          <div key={key} className="pair"><span className="small key" title={key}>{key}</span><div className="grow"><Node value={one} name={`${name} ${key}`} onChange={(next) => onChange({ ...value, [key]: next })} /></div><Remove onClick={() => { const { [key]: _, ...rest } = value; onChange(rest); }} /></div>
        ))}
        <AddKey taken={Object.keys(value)} onAdd={(key) => onChange({ ...value, [key]: "" })} />
      </div>
    );
  }
  if (typeof value === "boolean") return <span className="check"><input type="checkbox" aria-label={name} checked={value} onChange={(event) => onChange(event.target.checked)} />{value ? t("widget.yes") : t("widget.no")}</span>;
  return <Leaf value={value} onChange={onChange} name={name} />;
}

/** A text or a number; a number stays one while it is typed anew. */
function Leaf({ value, onChange, name }: { value: null | number | string; onChange: (value: Json) => void; name: string }) {
  const [typed, setTyped] = useState("");
  const [number] = useState(typeof value === "number");
  const read = (text: string) => ((number || typeof value === "number") && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
  const shown = read(typed) === value ? typed : String(value ?? "");
  return <span className="input"><input aria-label={name} value={shown} onChange={(event) => { setTyped(event.target.value); onChange(read(event.target.value)); }} /></span>;
}

function AddKey({ taken, onAdd }: { taken: string[]; onAdd: (key: string) => void }) {
  const [key, setKey] = useState("");
  const add = () => {
    if (key.trim() === "" || taken.includes(key.trim())) return;
    onAdd(key.trim());
    setKey("");
  };
  return <span className="row"><span className="input"><input aria-label={t("json.name")} placeholder={t("json.name")} value={key} onChange={(event) => setKey(event.target.value)} onKeyDown={(event) => { if (event.key === "Enter") { event.preventDefault(); add(); } }} /></span><button type="button" className="btn sm" onClick={add}><Plus className="icon" />{t("json.add")}</button></span>;
}

function Remove({ onClick }: { onClick: () => void }) {
  return <button type="button" className="btn plain square sm" aria-label={t("json.remove")} onClick={onClick}><X className="icon" /></button>;
}

/** A new entry of the same form as the one before it. */
function like(value: Json | undefined): Json {
  if (Array.isArray(value)) return [];
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, like(one)]));
  return typeof value === "number" ? 0 : typeof value === "boolean" ? false : "";
}

/** Structured data to read. */
export function JsonView({ value }: { value: unknown }) {
  if (Array.isArray(value)) return value.every((one) => typeof one !== "object") ? <>{value.map(String).join(", ") || "–"}</> : <ol className="json-view">{value.map((one, at) => <li key={at}><JsonView value={one} /></li>)}</ol>;
  if (value !== null && typeof value === "object") return <dl className="json-view">{Object.entries(value).map(([key, one]) => <div key={key}><dt>{key}</dt><dd><JsonView value={one} /></dd></div>)}</dl>;
  return <>{typeof value === "boolean" ? (value ? t("widget.yes") : t("widget.no")) : String(value ?? "–")}</>;
}
