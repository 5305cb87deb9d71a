// Reads the invitation out of a picture of its QR code: the browser opens the picture, the desk gets brightness only.
import type { DeskError } from "../bindings/commands";
import { t } from "./messages";
import { rpc } from "./rpc";
import { base64 } from "./upload";

/** Longest side that is looked at, in points; more of a photo only takes time. */
const LONGEST = 1_600;

/** The link in a picture. Throws the desk's error when it is no picture or holds no invitation. */
export async function linkIn(picture: Blob): Promise<string> {
  const { width, height, grey } = await brightness(picture);
  return (await rpc("sync.read_picture", { width, height, grey: await base64(new Blob([grey])) })).link;
}

async function brightness(picture: Blob): Promise<{ width: number; height: number; grey: Uint8Array<ArrayBuffer> }> {
  const bitmap = await createImageBitmap(picture).catch(() => {
    throw { code: "invalid", field: "link", message: t("join.no_picture") } satisfies DeskError;
  });
  const share = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.max(1, Math.round(bitmap.width * share)), Math.max(1, Math.round(bitmap.height * share))];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw { code: "failed", message: t("join.no_picture") } satisfies DeskError;
  // What a picture leaves clear is paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const grey = new Uint8Array(width * height);
  for (let at = 0; at < grey.length; at++) grey[at] = ((data[at * 4] ?? 0) * 299 + (data[at * 4 + 1] ?? 0) * 587 + (data[at * 4 + 2] ?? 0) * 114) / 1_000;
  return { width, height, grey };
}
