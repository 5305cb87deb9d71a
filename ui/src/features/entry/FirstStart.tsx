// The first minute: three doors.
import { Building2, Check, FlaskConical, Laptop, ShieldCheck } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import type { AppStatus } from "../../bindings/commands";
import { setFlow } from "../../lib/flow";
import { t } from "../../lib/messages";
import { Bag } from "../../parts/Bag";
import { LanguageChoice } from "../../parts/LanguageChoice";
import { JoinNew } from "./JoinNew";
import { NewVault } from "./NewVault";

export function FirstStart({ status }: { status: AppStatus }) {
  const [alone, setAlone] = useState(false);
  const [joining, setJoining] = useState(false);
  const doors = [() => setFlow({ packing: true }), () => setAlone(true), () => setJoining(true)];
  useEffect(() => {
    if (alone || joining) return undefined;
    const press = (event: KeyboardEvent) => { 
      const door = event.ctrlKey ? undefined : doors[Number(event.key) - 1];
      if (!door) return;
      event.preventDefault();
      door();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
  if (alone) return <NewVault keyring={status.keyring} onBack={() => setAlone(false)} />;
  if (joining) return <JoinNew keyring={status.keyring} onBack={() => setJoining(false)} />;
  return (
    <div className="start">
      <header><Bag />Gladstone<span className="end"><LanguageChoice /></span></header>
      <main>
        <div className="intro"><h1>{t("start.title")}</h1><p>{t("start.sub")}</p></div>
        <div className="doors">
          <Door icon={<FlaskConical className="icon" />} title={t("start.try")} text={t("start.try_text")} points={[t("start.try_1"), t("start.try_2"), t("start.try_3")]}>
            <button className="btn primary" autoFocus onClick={doors[0]}>{t("start.try_do")}<kbd>1</kbd></button>
          </Door>
          <Door icon={<Laptop className="icon" />} title={t("start.alone")} text={t("start.alone_text")} points={[t("start.alone_1"), t("start.alone_2"), t("start.alone_3")]}>
            <button className="btn" onClick={doors[1]}>{t("start.alone_do")}<kbd>2</kbd></button>
          </Door>
          <Door icon={<Building2 className="icon" />} title={t("start.join")} text={t("start.join_text")} points={[t("start.join_1"), t("start.join_2"), t("start.join_3")]}>
            <button className="btn" onClick={doors[2]}>{t("start.join_do")}<kbd>3</kbd></button>
          </Door>
        </div>
      </main>
      <footer><span className="row"><ShieldCheck className="icon" />{t("start.foot")}</span><span className="end">Gladstone {status.version}</span></footer>
    </div>
  );
}

function Door({ icon, title, text, points, children }: { icon: ReactNode; title: string; text: string; points: string[]; children: ReactNode }) {
  return (
    <section className="door" aria-label={title}>
      <span className="pic">{icon}</span>
      <h2>{title}</h2>
      <p>{text}</p>
      <ul>{points.map((point) => <li key={point}><Check className="icon" />{point}</li>)}</ul>
      <div className="do">{children}</div>
    </section>
  );
}
