// Hands a file of the computer over to the desk, piece by piece, so that none has to fit into one request.
import type { DeskError, FileInfo } from "../bindings/commands";
import { asError, rpc } from "./rpc";

/** Bytes in base64, read by the browser itself. */
export function base64(piece: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject({ code: "failed", message: reader.error?.message ?? "" } satisfies DeskError);
    reader.onload = () => resolve(String(reader.result).split(",")[1] ?? "");
    reader.readAsDataURL(piece);
  });
}

/** Adds a file to a person; `tell` hears the share that was handed over, 0 to 1. Throws the desk's error; nothing stays then. */
export async function attach(person: string, file: File, tell: (share: number) => void): Promise<FileInfo> {
  const { ticket, piece } = await rpc("files.begin", { size: file.size });
  try {
    for (let offset = 0; offset < file.size; offset += piece) {
      await rpc("files.append", { ticket, offset, data: await base64(file.slice(offset, offset + piece)) });
      tell(Math.min(1, (offset + piece) / file.size));
    }
    return await rpc("files.attach", { person, name: file.name, ticket });
  } catch (error) {
    // Whatever came of it: the ticket may be gone already.
    await rpc("files.give_up", { ticket }).catch(() => undefined);
    throw asError(error);
  }
}
