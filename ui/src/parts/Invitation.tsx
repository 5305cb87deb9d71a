// An invitation to a centre: the link as it was given, a picture of its QR code, or address and code typed.
import { ImageUp } from "lucide-react";
import { useRef, useState, type ClipboardEvent, type DragEvent } from "react";
import type { DeskError } from "../bindings/commands";
import { t } from "../lib/messages";
import { linkIn } from "../lib/picture";
import { asError } from "../lib/rpc";
import { AreaField, TextField } from "./Field";

export interface Invited {
  link: string;
  url: string;
  code: string;
}

export const NOT_INVITED: Invited = { link: "", url: "", code: "" };

/** Whether there is enough to try. */
export const isWhole = (invited: Invited): boolean => invited.link.trim() !== "" || (invited.url.trim() !== "" && invited.code.trim() !== "");

export function Invitation({ invited, onChange, error, tried }: { invited: Invited; onChange: (invited: Invited) => void; error: DeskError | null; tried: boolean }) {
  const [typed, setTyped] = useState(false);
  const picture = usePicture((link) => onChange({ ...NOT_INVITED, link }));
  const said = (field: string) => (error?.field === field ? error.message : undefined);
  const missing = (text: string, words: string) => (tried && text.trim() === "" ? words : undefined);
  const swap = () => {
    setTyped(!typed);
    onChange(NOT_INVITED);
  };
  return (
    <div className="stack-2">
      {typed ? (
        <>
          <TextField label={t("join.url")} hint={t("join.url_hint")} autoFocus autoComplete="off" spellCheck={false} value={invited.url} onChange={(url) => onChange({ ...invited, link: "", url })} error={said("url") ?? missing(invited.url, t("join.url_missing"))} />
          <TextField label={t("join.code")} hint={t("join.code_hint")} autoComplete="off" spellCheck={false} value={invited.code} onChange={(code) => onChange({ ...invited, link: "", code })} error={said("code") ?? missing(invited.code, t("join.code_missing"))} />
        </>
      ) : (
        <div className={picture.over ? "stack-2 drop-here" : "stack-2"} {...picture.area}>
          <AreaField label={t("join.link")} hint={t("join.link_hint")} rows={2} autoFocus autoComplete="off" spellCheck={false} value={invited.link} onChange={(link) => { picture.clear(); onChange({ ...NOT_INVITED, link: link.replace(/\s+/g, "") }); }} error={picture.problem ?? said("link") ?? said("code") ?? said("url") ?? missing(invited.link, t("join.link_missing"))} />
          <input ref={picture.picker} type="file" accept="image/*" hidden aria-label={t("join.picture")} onChange={(event) => { const [file] = event.target.files ?? []; event.target.value = ""; picture.read(file); }} />
          <div className="row"><button type="button" className="btn sm" aria-busy={picture.reading} onClick={() => picture.picker.current?.click()}><ImageUp className="icon" />{t("join.picture")}</button><span className="small muted" role="status">{picture.found && invited.link ? t("join.picture_read") : t("join.picture_hint")}</span></div>
        </div>
      )}
      <div><button type="button" className="link small" onClick={swap}>{typed ? t("join.use_link") : t("join.use_code")}</button></div>
    </div>
  );
}

/** A picture that is chosen, dropped or pasted; `found` gets the link that is in it. */
function usePicture(found: (link: string) => void) {
  const [reading, setReading] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [done, setDone] = useState(false);
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const clear = () => {
    setProblem(undefined);
    setDone(false);
  };
  const read = (file: Blob | undefined) => {
    if (!file || reading) return;
    clear();
    setReading(true);
    linkIn(file).then((link) => { found(link); setDone(true); }, (error: unknown) => setProblem(asError(error).message)).finally(() => setReading(false));
  };
  const isFile = (event: DragEvent) => [...event.dataTransfer.types].includes("Files");
  const area = {
    onPaste: (event: ClipboardEvent) => {
      const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
      if (!file) return;
      event.preventDefault();
      read(file);
    },
    onDragOver: (event: DragEvent) => { if (isFile(event)) { event.preventDefault(); setOver(true); } },
    onDragLeave: () => setOver(false),
    onDrop: (event: DragEvent) => {
      if (!isFile(event)) return;
      event.preventDefault();
      setOver(false);
      read(event.dataTransfer.files[0]);
    },
  };
  return { reading, problem, found: done, over, picker, clear, read, area };
}
