// Which of the screens comes first: start, lock, recovery, or the work itself.
import { useEffect } from "react";
import { RecoveryCode } from "../features/entry/RecoveryCode";
import { FirstStart } from "../features/entry/FirstStart";
import { Packing } from "../features/entry/Packing";
import { Alarmed } from "../features/entry/Alarmed";
import { Unlock } from "../features/entry/Unlock";
import { useFlow } from "../lib/flow";
import { useLanguage } from "../lib/messages";
import { press } from "../lib/keys";
import { useAnswer } from "../lib/queries";
import { rpc } from "../lib/rpc";
import { Answer } from "../parts/States";
import { Shell } from "./Shell";

export function App() {
  // Everything below is drawn again in another language, in place: fields, focus and what was typed stay.
  useLanguage();
  const status = useAnswer("app.status", {});
  const { packing } = useFlow();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => void press(event);
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  usePresence(status.data?.open !== null && status.data !== undefined);
  if (packing) return <Packing />;
  return (
    <div className="whole">
      <Answer query={status}>
        {(data) => {
          if (data.state === "first_start") return <FirstStart status={data} />;
          if (data.state === "locked" || !data.open) return <Unlock status={data} />;
          if (data.state === "recovery") return <Alarmed open={data.open} />;
          if (!data.open.recovery_confirmed) return <RecoveryCode label={data.open.label} />;
          return <Shell open={data.open} version={data.version} />;
        }}
      </Answer>
    </div>
  );
}

/** Tells the desk now and then that somebody is there, which postpones the automatic lock. */
function usePresence(open: boolean): void {
  useEffect(() => {
    if (!open) return undefined;
    let told = 0;
    const there = () => {
      if (Date.now() - told < 15_000) return;
      told = Date.now();
      void rpc("session.touch", {});
    };
    const kinds = ["pointerdown", "keydown", "wheel"] as const;
    kinds.forEach((kind) => window.addEventListener(kind, there, { passive: true }));
    return () => kinds.forEach((kind) => window.removeEventListener(kind, there));
  }, [open]);
}
