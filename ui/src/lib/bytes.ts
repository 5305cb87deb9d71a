// Sizes of files as people read them.
import { language } from "./messages";

/** `1.4 MB`: at most one digit behind the point, in steps of 1024. */
export function bytes(size: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let step = 0;
  let left = size;
  while (left >= 1024 && step < units.length - 1) {
    left /= 1024;
    step += 1;
  }
  return `${new Intl.NumberFormat(language(), { maximumFractionDigits: left < 10 && step > 0 ? 1 : 0 }).format(left)} ${units[step]}`;
}
