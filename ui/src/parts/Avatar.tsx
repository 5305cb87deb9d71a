// Initials on a neutral ground, or a figure while the name is not here yet. No photographs in a shared room.

import { User } from "lucide-react";

export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return [words[0], words.length > 1 ? words[words.length - 1] : ""].map((word) => [...(word ?? "")][0] ?? "").join("").toUpperCase();
}

export function Avatar({ name, large = false }: { name: string; large?: boolean }) {
  return <span className={large ? "av lg" : "av"} aria-hidden="true">{initials(name) || <User className="icon" />}</span>;
}
