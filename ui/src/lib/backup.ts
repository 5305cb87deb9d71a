// What a list of backups shows.
import { moment } from "./time";

/** 1.4 MB */
export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** The name of a backup, which is the time it was made, as people read it. */
export function madeAt(made: string): string {
  return moment(made.replace(/T(\d\d)-(\d\d)-(\d\d)/, "T$1:$2:$3"));
}
