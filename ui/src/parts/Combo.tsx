// A field in which typing finds and arrows choose.
import { Search } from "lucide-react";
import { useId, useState, type KeyboardEvent, type ReactNode } from "react";
import { Problem } from "./States";

interface Props<T> {
  label: string;
  /** Text in the field while nothing is typed: the name of what is chosen. */
  chosen: string;
  options: T[];
  name: (option: T) => string;
  draw?: (option: T) => ReactNode;
  onType: (text: string) => void;
  onChoose: (option: T) => void;
  onClear?: () => void;
  /** Shown under the options, for example to add what was not found. */
  after?: (text: string) => ReactNode;
  error?: string | undefined;
  hint?: ReactNode;
  autoFocus?: boolean;
  nothing: string;
}

export function Combo<T>({ label, chosen, options, name, draw, onType, onChoose, onClear, after, error, hint, autoFocus, nothing }: Props<T>) {
  const id = useId();
  const [typed, setTyped] = useState<string | undefined>(undefined);
  const [at, setAt] = useState(0);
  const open = typed !== undefined;
  const close = () => setTyped(undefined);
  const type = (text: string) => {
    setTyped(text);
    setAt(0);
    onType(text);
    if (text === "") onClear?.();
  };
  const choose = (option: T) => {
    onChoose(option);
    close();
  };
  const press = (event: KeyboardEvent) => {
    const option = options[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) {
        // Only a look at what there is: what is chosen stays chosen.
        setTyped("");
        setAt(0);
        return onType("");
      }
      setAt((at + (event.key === "ArrowDown" ? 1 : options.length - 1)) % Math.max(1, options.length));
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      if (option !== undefined) choose(option);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="combo">
        <span className={`input${error ? " bad" : ""}`}>
          <Search className="icon" />
          <input
            id={id} role="combobox" aria-expanded={open} aria-controls={`${id}-options`} aria-autocomplete="list" aria-activedescendant={open && options.length > 0 ? `${id}-${at}` : undefined}
            autoComplete="off" autoFocus={autoFocus} data-first={autoFocus ? "" : undefined} value={typed ?? chosen} onChange={(event) => type(event.target.value)} onFocus={(event) => { event.target.select(); onType(""); }} onClick={() => { if (!open) { setTyped(chosen); onType(""); } }} onBlur={close} onKeyDown={press}
          />
        </span>
        {open && (
          <div className="pop">
            <div className="options" role="listbox" id={`${id}-options`} aria-label={label}>
              {options.map((option, index) => (
                <div key={index} id={`${id}-${index}`} role="option" aria-selected={index === at} onPointerEnter={() => setAt(index)} onPointerDown={(event) => { event.preventDefault(); choose(option); }}>
                  {draw ? draw(option) : name(option)}
                </div>
              ))}
              {options.length === 0 && <p className="muted small pad-2">{nothing}</p>}
            </div>
            {after?.(typed)}
          </div>
        )}
      </div>
      {error ? <Problem>{error}</Problem> : hint && <span className="hint">{hint}</span>}
    </div>
  );
}
