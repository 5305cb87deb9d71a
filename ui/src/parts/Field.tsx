// A labelled field: label above, hint below, the remedy beside an amber edge when it is wrong.
import { ChevronsUpDown, Eye, EyeOff } from "lucide-react";
import { useId, useState, type ComponentProps, type KeyboardEvent, type ReactNode } from "react";
import { t } from "../lib/messages";
import { Problem } from "./States";

interface Around {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
}

interface Inside {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

export function Field({ label, hint, error, children }: Around & { children: (inside: Inside) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-invalid": Boolean(error), "aria-describedby": error ? `${id}-error` : hint ? `${id}-hint` : undefined })}
      {error ? <Problem id={`${id}-error`}>{error}</Problem> : hint && <span className="hint" id={`${id}-hint`}>{hint}</span>}
    </div>
  );
}

type TextProps = Around & { value: string; onChange: (value: string) => void; trailing?: ReactNode } & Omit<ComponentProps<"input">, "value" | "onChange">;

export function TextField({ label, hint, error, value, onChange, trailing, className, ...rest }: TextProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(inside) => (
        <span className={`input${error ? " bad" : ""} ${className ?? ""}`}>
          <input {...inside} {...rest} data-first={rest.autoFocus ? "" : undefined} value={value} onChange={(event) => onChange(event.target.value)} />
          {trailing}
        </span>
      )}
    </Field>
  );
}

type AreaProps = Around & { value: string; onChange: (value: string) => void } & Omit<ComponentProps<"textarea">, "value" | "onChange">;

export function AreaField({ label, hint, error, value, onChange, rows = 3, ...rest }: AreaProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(inside) => <textarea {...inside} {...rest} data-first={rest.autoFocus ? "" : undefined} rows={rows} className={`input${error ? " bad" : ""}`} value={value} onChange={(event) => onChange(event.target.value)} />}
    </Field>
  );
}

type ChoiceProps = Around & { value: string; onChange: (value: string) => void; choices: { value: string; text: string }[]; disabled?: boolean };

export function ChoiceField({ label, hint, error, value, onChange, choices, disabled }: ChoiceProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(inside) => (
        <span className={`input${error ? " bad" : ""}`}>
          <select {...inside} value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
            {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.text}</option>)}
          </select>
          <ChevronsUpDown className="icon" />
        </span>
      )}
    </Field>
  );
}

/** A passphrase: can be shown, and says when Caps Lock is on. */
export function SecretField({ label, hint, error, value, onChange, ...rest }: Omit<TextProps, "trailing">) {
  const [shown, setShown] = useState(false);
  const [caps, setCaps] = useState(false);
  const watch = (event: KeyboardEvent) => setCaps(event.getModifierState("CapsLock"));
  return (
    <div className="stack-1">
      <TextField
        {...rest} label={label} hint={hint} error={error} value={value} onChange={onChange} className="tall" type={shown ? "text" : "password"} autoComplete="off" spellCheck={false}
        onKeyDown={watch} onKeyUp={watch}
        trailing={
          <button type="button" className="btn plain square sm" aria-label={shown ? t("secret.hide") : t("secret.show")} aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? <EyeOff className="icon" /> : <Eye className="icon" />}
          </button>
        }
      />
      {caps && <Problem>{t("secret.caps")}</Problem>}
    </div>
  );
}

export function Check({ checked, onChange, children, hint }: { checked: boolean; onChange: (checked: boolean) => void; children: ReactNode; hint?: ReactNode }) {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span className="grow">{children}{hint && <span className="muted small block">{hint}</span>}</span>
    </label>
  );
}

export function Segment<T extends string>({ label, value, choices, onChange }: { label: string; value: T; choices: { value: T; text: string }[]; onChange: (value: T) => void }) {
  return (
    <div className="seg" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button key={choice.value} type="button" aria-pressed={choice.value === value} onClick={() => onChange(choice.value)}>{choice.text}</button>
      ))}
    </div>
  );
}
