// The frame around the work: navigation, status, keys, palette.
import { CalendarDays, ClipboardList, EyeOff, Laptop, Lock, OctagonAlert, Scale, Search, Settings as Gear, Sun, Table2, UsersRound } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import type { OpenVault } from "../bindings/commands";
import { Administer } from "../features/administer/Administer";
import { AlertPage } from "../features/alerts/AlertPage";
import { Alerts } from "../features/alerts/Alerts";
import { Calendar } from "../features/calendar/Calendar";
import { People } from "../features/people/People";
import { Profile } from "../features/people/Profile";
import { Register } from "../features/people/Register";
import { Questionnaires } from "../features/questionnaires/Questionnaires";
import { StartQuestionnaire } from "../parts/StartQuestionnaire";
import { Records } from "../features/records/Records";
import { Result } from "../features/result/Result";
import { Review } from "../features/review/Review";
import { Settings } from "../features/settings/Settings";
import { LeaseBanner, LeaseLocked, LeaseOver, useLeaseEnd } from "../features/sync/Lease";
import { Sync } from "../features/sync/Sync";
import { Today } from "../features/today/Today";
import { allowLetters, useActions } from "../lib/keys";
import { setLanguage, t, type Language } from "../lib/messages";
import { forget, useAnswer } from "../lib/queries";
import { go, to, useRoute, type Route } from "../lib/route";
import { rpc } from "../lib/rpc";
import { setTheme } from "../lib/theme";
import { Avatar } from "../parts/Avatar";
import { Bag } from "../parts/Bag";
import { Closed } from "../parts/States";
import { Help } from "./Help";
import { KeySheet } from "./KeySheet";
import { Palette } from "./Palette";
import { StatusBar } from "./StatusBar";

type Over = "palette" | "keys" | "help" | "start" | undefined;

export async function lock(): Promise<void> {
  await rpc("vault.lock", {});
  window.location.hash = "";
  forget();
}

export function Shell({ open, version }: { open: OpenVault; version: string }) {
  const route = useRoute();
  const [over, setOver] = useState<Over>();
  const [hidden, setHidden] = useState(false);
  const settings = useAnswer("settings.get", {});
  const place = route.parts[0] ?? "today";
  const alone = place === "administer" || (place === "alerts" && route.parts.length > 1);
  // A language that somebody chose to answer in ends with that.
  useEffect(() => {
    if (!settings.data) return;
    setTheme(settings.data.theme);
    setLanguage(settings.data.language as Language);
    allowLetters(settings.data.letter_keys);
  }, [settings.data, alone]);
  useEffect(() => {
    const leave = (event: KeyboardEvent) => { if (event.key === "Escape") setHidden(false); };
    if (hidden) window.addEventListener("keydown", leave);
    return () => window.removeEventListener("keydown", leave);
  }, [hidden]);
  useLeaseEnd(open.lease);
  const shut = open.lease.state === "locked" && !["sync", "settings"].includes(place);
  useActions([
    { id: "palette", label: t("action.find"), keys: "Ctrl K", run: () => setOver("palette") },
    { id: "keys", label: t("action.keys"), keys: "?", run: () => setOver("keys") },
    { id: "help", label: t("action.help"), keys: "F1", run: () => setOver("help") },
    { id: "hide", label: t("action.hide"), keys: "F9", run: () => setHidden(!hidden) },
    { id: "lock", label: t("action.lock"), keys: "Ctrl L", run: () => void lock() },
    { id: "today", label: t("action.go_today"), keys: "Ctrl 1", run: () => go(to.today()) },
    { id: "people", label: t("action.go_people"), keys: "Ctrl 2", run: () => go(to.people()) },
    { id: "questionnaires", label: t("action.go_questionnaires"), keys: "Ctrl 3", run: () => go(to.questionnaires()) },
    { id: "alerts", label: t("action.go_alerts"), keys: "Ctrl 4", run: () => go(to.alerts()) },
    { id: "records", label: t("action.go_records"), keys: "Ctrl 5", run: () => go(to.records()) },
    { id: "calendar", label: t("action.go_calendar"), keys: "Ctrl 6", run: () => go(to.calendar()) },
    { id: "review", label: t("action.go_review"), keys: "Ctrl 7", run: () => go(to.review()) },
    { id: "sync", label: t("action.go_sync"), keys: "Ctrl 8", run: () => go(to.sync()) },
    { id: "settings", label: t("action.go_settings"), keys: "Ctrl ,", run: () => go(to.settings()) },
    { id: "register", label: t("action.register"), run: () => go(to.register()) },
    ...(alone ? [] : [{ id: "start", label: t("action.start"), keys: "S", run: () => setOver("start") }]),
  ], true);
  const close = () => setOver(undefined);
  const link = (name: string, href: string, icon: ReactNode, label: string, count?: ReactNode) => (
    <a href={href} aria-current={place === name || (name === "people" && place === "result") ? "page" : undefined}>{icon}{label}{count}</a>
  );
  return (
    <>
      {alone && !shut ? <Closed value={<LeaseOver />}><Page route={route} /></Closed> : (
        <div className="app">
          <nav className="nav" aria-label={t("nav.main")}>
            <div className="brand"><Bag />Gladstone</div>
            <button className="find" onClick={() => setOver("palette")}><Search className="icon" />{t("nav.find")}<kbd className="end">Ctrl K</kbd></button>
            {link("today", to.today(), <Sun className="icon" />, t("nav.today"))}
            {link("people", to.people(), <UsersRound className="icon" />, t("nav.people"))}
            {link("calendar", to.calendar(), <CalendarDays className="icon" />, t("nav.calendar"))}
            {link("questionnaires", to.questionnaires(), <ClipboardList className="icon" />, t("nav.questionnaires"))}
            <hr />
            {link("alerts", to.alerts(), <OctagonAlert className="icon" />, t("nav.alerts"), open.open_alerts > 0 && <b className="count risk" aria-label={t("nav.open_alerts", { n: open.open_alerts })}>{open.open_alerts}</b>)}
            {link("review", to.review(), <Scale className="icon" />, t("nav.review"), open.to_review > 0 && <b className="count attention" aria-label={t("nav.to_review", { n: open.to_review })}>{open.to_review}</b>)}
            <hr />
            {link("records", to.records(), <Table2 className="icon" />, t("nav.records"))}
            {link("settings", to.settings(), <Gear className="icon" />, t("nav.settings"))}
            <div className="who">
              <Avatar name={open.person_name} /><span className="grow">{open.person_name}</span>
              <button className="btn plain square sm" aria-label={`${t("action.hide")}, F9`} title={`${t("action.hide")}, F9`} onClick={() => setHidden(true)}><EyeOff className="icon" /></button>
              <button className="btn plain square sm" aria-label={`${t("action.lock")}, Ctrl L`} title={`${t("action.lock")}, Ctrl L`} onClick={() => void lock()}><Lock className="icon" /></button>
            </div>
          </nav>
          <main className="main" tabIndex={-1}>
            <LeaseBanner lease={open.lease} />
            {shut ? <LeaseLocked lease={open.lease} /> : <Closed value={<LeaseOver />}><Page route={route} start={() => setOver("start")} /></Closed>}
          </main>
          <StatusBar open={open} onKeys={() => setOver("keys")} onHelp={() => setOver("help")} />
        </div>
      )}
      {over === "palette" && <Palette onClose={close} />}
      {over === "keys" && <KeySheet onClose={close} />}
      {over === "help" && <Help onClose={close} version={version} />}
      {over === "start" && <StartQuestionnaire onClose={close} />}
      {hidden && <button className="cover" autoFocus onClick={() => setHidden(false)}><span className="stack"><Laptop className="icon icon-lg" />{t("hide.text")}</span></button>}
    </>
  );
}

function Page({ route, start = () => undefined }: { route: Route; start?: () => void }) {
  const [place = "today", first = "", second = ""] = route.parts;
  switch (place) {
    case "people":
      if (first === "new") return <Register key={route.query.get("name")} name={route.query.get("name") ?? ""} />;
      return first ? <Profile key={first} id={first} /> : <People />;
    case "questionnaires":
      return <Questionnaires person={route.query.get("person") ?? ""} />;
    case "administer":
      return <Administer key={first} id={first} />;
    case "result":
      return <Result key={first} id={first} />;
    case "alerts":
      return first ? <AlertPage key={first} id={first} back={route.query.get("back") ?? ""} /> : <Alerts />;
    case "records":
      return <Records key={`${first}${route.query.get("by") ?? ""}`} entity={first} id={second} by={route.query.get("by") ?? ""} />;
    case "calendar":
      return <Calendar key={`${route.query.get("open") ?? ""}${route.query.get("book") ?? ""}`} date={first} open={route.query.get("open") ?? ""} book={route.query.get("book") ?? ""} />;
    case "review":
      return <Review decided={first === "decided"} id={second} />;
    case "sync":
      return <Sync />;
    case "settings":
      return <Settings />;
    default:
      return <Today start={start} />;
  }
}
