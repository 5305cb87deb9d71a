// An invitation to a centre: the link as it was given, or address and code typed.
import { useState } from "react";
import type { DeskError } from "../bindings/commands";
import { t } from "../lib/messages";
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
      ) : <AreaField label={t("join.link")} hint={t("join.link_hint")} rows={2} autoFocus autoComplete="off" spellCheck={false} value={invited.link} onChange={(link) => onChange({ ...NOT_INVITED, link: link.replace(/\s+/g, "") })} error={said("link") ?? said("code") ?? said("url") ?? missing(invited.link, t("join.link_missing"))} />}
      <div><button type="button" className="link small" onClick={swap}>{typed ? t("join.use_link") : t("join.use_code")}</button></div>
    </div>
  );
}
