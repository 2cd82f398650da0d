/**
 * The text of a mirror, and how to know it again.
 *
 *     {
 *       "id": "6f…",                      the entity's fields, indented
 *       "logs": [
 *         {…}                             one item of a list per line
 *       ],
 *       "taskwal": {"store":…,"schema":1,"version":9,"checksum":"sha256:…"}
 *     }
 *
 * The rule: a mirror is ours if its checksum says so, and edited otherwise.
 */
import { errnoOf } from "@taskwal/errors";
import { readWhole, type Directory } from "@taskwal/disk";
import { sha256, type JsonValue } from "@taskwal/format";
import { listItems } from "./list-view.ts";
import type { Damage, Slot } from "./state.ts";

/** What a mirror says of itself. */
export interface MirrorOwn {
  readonly store: string;
  /** Version of the entity's schema. */
  readonly schema: number;
  /** Version of the entity: the count of its mutations. */
  readonly version: number;
  readonly damaged?: Damage;
}

const ownKey = "taskwal";
/** A mirror that is larger is not read back. */
export const mirrorBytesMax = 256 * 1024 * 1024;

/** The file's text, in pieces of at most one field or item. */
export function* mirrorText(slot: Slot, own: MirrorOwn): Generator<string, void, void> {
  const hash = sha256();
  const piece = (text: string): string => {
    hash.update(text);
    return text;
  };
  let between = "{\n";
  for (const [key, value] of Object.entries(slot.value as { readonly [key: string]: JsonValue })) {
    yield piece(`${between}  ${JSON.stringify(key)}: ${indented(value)}`);
    between = ",\n";
  }
  for (const [name, list] of Object.entries(slot.lists ?? {})) {
    yield piece(`${between}  ${JSON.stringify(name)}: [`);
    between = ",\n";
    let comma = "\n";
    for (const item of listItems(list)) {
      yield piece(`${comma}    ${JSON.stringify(item)}`);
      comma = ",\n";
    }
    yield piece("\n  ]");
  }
  const checksum = `sha256:${hash.update(JSON.stringify(own)).digest("hex")}`;
  yield `${between}  "${ownKey}": ${JSON.stringify({ ...own, checksum })}\n}\n`;
}

const indented = (value: JsonValue): string =>
  JSON.stringify(value, null, 2).replaceAll("\n", "\n  ");

/** A mirror as we wrote it, or undefined for anything else. Errors of the disk pass through. */
export const readMirror = async (
  directory: Directory,
  name: string,
): Promise<{ readonly entity: JsonValue; readonly own: MirrorOwn } | undefined> => {
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(directory, name, mirrorBytesMax);
  } catch (error) {
    if (error instanceof RangeError || ["ENOENT", "EISDIR"].includes(errnoOf(error) ?? ""))
      return undefined;
    throw error;
  }
  return decodeMirror(Buffer.from(bytes).toString("utf8"));
};

const decodeMirror = (
  text: string,
): ReturnType<typeof readMirror> extends Promise<infer T> ? T : never => {
  const opening = `,\n  "${ownKey}": `;
  const at = text.lastIndexOf(opening);
  if (at < 0 || !text.endsWith("\n}\n")) return undefined;
  try {
    const { checksum, ...own } = JSON.parse(text.slice(at + opening.length, -3)) as MirrorOwn & {
      checksum: string;
    };
    const hash = sha256().update(text.slice(0, at)).update(JSON.stringify(own)).digest("hex");
    if (checksum !== `sha256:${hash}`) return undefined;
    return { entity: JSON.parse(`${text.slice(0, at)}\n}`) as JsonValue, own };
  } catch {
    return undefined;
  }
};
