// Too long without contact: how many days are left, what may still be done, and one person's records
// all the same.
import { Hourglass, Lock, ShieldAlert } from "lucide-react";
import { useEffect, useState, type FormEvent } from "react";
import type { LeaseStatus, Person } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { forget, fresh, useAction, useAnswer } from "../../lib/queries";
import { to, useRoute } from "../../lib/route";
import { fullDate, longDate, when } from "../../lib/time";
import { Combo } from "../../parts/Combo";
import { Dialog } from "../../parts/Dialog";
import { AreaField, SecretField } from "../../parts/Field";
import { Empty, Failure } from "../../parts/States";
import { SyncNowButton, useSyncNow } from "../../parts/SyncNow";

/** Days before the end from which on it is told. */
const WARN_DAYS = 2;
/** The longest time that a timer takes, in milliseconds. */
const LONGEST = 2_147_000_000;

/** Begins anew when a time is over: what may not be read any more does not stay on the screen. */
export function useLeaseEnd(lease: LeaseStatus): void {
  const left = lease.state === "running" ? lease.left_ms : lease.glass?.left_ms;
  useEffect(() => {
    if (left === undefined || left > LONGEST) return undefined;
    const timer = setTimeout(forget, left + 1_000);
    return () => clearTimeout(timer);
  }, [left]);
}

function Contact({ primary = false }: { primary?: boolean }) {
  const status = useAnswer("sync.status", {});
  const phase = status.data?.phase ?? "off";
  const now = useSyncNow(phase);
  return (
    <>
      <SyncNowButton phase={phase} sync={now} primary={primary} />
      {now.error && <Failure error={now.error} />}
    </>
  );
}

/** The line above every page: little time left, or what is open although there is none. */
export function LeaseBanner({ lease }: { lease: LeaseStatus }) {
  const { parts } = useRoute();
  if (lease.state === "running" && lease.days_left <= WARN_DAYS) {
    return (
      <div className="banner attention lease" role="status">
        <Hourglass className="icon" /><span className="grow small"><b>{t("lease.soon", { n: lease.days_left })}</b> {t("lease.soon_text")}</span><a className="btn sm" href={to.sync()}>{t("sync.title")}</a>
      </div>
    );
  }
  if (lease.state !== "over") return null;
  return (
    <div className="banner attention lease" role="status">
      <ShieldAlert className="icon" />
      <span className="grow small">{lease.glass ? <><b>{t("lease.glass", { person: lease.glass.person, time: when(lease.glass.until, t("time.today")) })}</b> {t("lease.glass_text", { reason: lease.glass.reason })}</> : <><b>{t("lease.over")}.</b> {t("lease.over_short")}</>}</span>
      {lease.glass && !(parts[0] === "people" && parts[1] === lease.glass.person_id) && <a className="btn sm" href={to.person(lease.glass.person_id)}>{t("lease.glass_open")}</a>}
      <a className="btn sm" href={to.sync()}>{t("sync.title")}</a>
    </div>
  );
}

/** What stands in the place of records that may not be read. */
export function LeaseOver() {
  const { parts } = useRoute();
  const [breaking, setBreaking] = useState(false);
  const person = parts[0] === "people" ? parts[1] ?? "" : "";
  return (
    <>
      <Empty title={t("lease.over")} action={<div className="stack"><div className="row centred"><Contact /><button className="btn" onClick={() => setBreaking(true)}><ShieldAlert className="icon" />{t("lease.break")}</button></div></div>}>{t("lease.over_text")}</Empty>
      {breaking && <BreakGlass personId={person} onClose={() => setBreaking(false)} />}
    </>
  );
}

/** Nothing before contact: everything but synchronizing is closed. */
export function LeaseLocked({ lease }: { lease: LeaseStatus }) {
  const lock = useAction("vault.lock");
  return <Empty title={t("lease.locked")} action={<div className="row centred"><Contact primary /><button className="btn" onClick={() => lock.mutate({})}><Lock className="icon" />{t("lease.recover")}</button></div>}>{t("lease.locked_text", { day: lease.since ? longDate(lease.since) : "" })}</Empty>;
}

function BreakGlass({ personId, onClose }: { personId: string; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [picked, setPicked] = useState<Person>();
  const [reason, setReason] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [tried, setTried] = useState(false);
  const people = useAnswer("people.find", { text: typed, limit: 8 });
  const all = useAnswer("people.find", { text: "", limit: 200 }, personId !== "");
  const person = picked ?? all.data?.people.find((one) => one.id === personId);
  const breaking = useAction("lease.break_glass");
  const said = (field: string) => (breaking.error?.field === field ? breaking.error.message : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!person || breaking.isPending) return;
    breaking.mutate({ person: person.id, reason, passphrase }, { onSuccess: () => { onClose(); window.location.hash = to.person(person.id); }, onError: () => setPassphrase("") });
  };
  return (
    <Dialog title={t("lease.break_title")} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit} noValidate>
        <p className="muted">{t("lease.break_text")}</p>
        <Combo
          label={t("start_form.person")} chosen={person?.name ?? ""} options={fresh(people)?.people ?? []} name={(one) => one.name} autoFocus={personId === ""} nothing={t("people.none_found_text")}
          draw={(one) => <><span className="grow">{one.name}</span><span className="muted small">{one.born ? fullDate(one.born) : ""}</span></>} onType={setTyped} onChoose={setPicked} error={tried && !person ? t("start_form.person_missing") : undefined}
        />
        <AreaField label={t("lease.reason")} hint={t("lease.reason_hint")} autoFocus={personId !== ""} value={reason} onChange={setReason} error={said("reason")} />
        <SecretField label={t("unlock.passphrase")} value={passphrase} onChange={setPassphrase} error={said("passphrase")} />
        {breaking.error && !["reason", "passphrase"].includes(breaking.error.field ?? "") && <Failure error={breaking.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={breaking.isPending}>{t("lease.break_do")}</button></div>
      </form>
    </Dialog>
  );
}
