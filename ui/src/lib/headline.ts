// What an alert is about, without what its item means: “PHQ-9 item 9: “Several days””.
import type { AlertInfo } from "../bindings/commands";

export function headline(alert: AlertInfo): string {
  return alert.text.split(/(?<=[”"])\. /)[0] ?? alert.text;
}
