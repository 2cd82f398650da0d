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
import { readWhole, type Clock, type Directory, type File } from "@taskwal/disk";
import { sha256, type JsonValue } from "@taskwal/format";
import type { Damage } from "./state.ts";

/** What a mirror says of itself. */
export interface MirrorOwn {
  readonly store: string;
  /** Version of the entity's schema. */
  readonly schema: number;
  /** Version of the entity: the count of its mutations. */
  readonly version: number;
  readonly damaged?: Damage;
  /** The type for which later records of it wait: what is shown is as of before them. */
  readonly held?: string;
}

/** What a mirror shows of an entity: its fields, and its lists as fields behind them. */
export interface MirrorContent {
  readonly value: JsonValue;
  readonly lists: Readonly<Record<string, Iterable<JsonValue>>>;
}

/** The field under which a mirror says what it is. */
export const ownKey = "taskwal";
/** A mirror that is larger is not read back. */
export const mirrorBytesMax = 256 * 1024 * 1024;

/** The file's text, in pieces of at most one field or item. */
function* mirrorText(
  { value, lists }: MirrorContent,
  own: MirrorOwn,
): Generator<string, void, void> {
  const hash = sha256();
  const piece = (text: string): string => {
    hash.update(text);
    return text;
  };
  let between = "{\n";
  for (const [key, field] of Object.entries(value as { readonly [key: string]: JsonValue })) {
    yield piece(`${between}  ${JSON.stringify(key)}: ${indented(field)}`);
    between = ",\n";
  }
  for (const [name, items] of Object.entries(lists)) {
    yield piece(`${between}  ${JSON.stringify(name)}: [`);
    between = ",\n";
    let comma = "\n";
    for (const item of items) {
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

const sliceChars = 64 * 1024;

/**
 * Puts a mirror under `name`, atomically, in slices that give others their turns. Its bytes are durable on
 * return; its name is once the folder is synced. Errors of the disk pass through, and leave what was there, as does
 * `isStill`, asked last of all, if it says that something else stands there by now: then this returns false.
 */
export const writeMirror = async (
  directory: Directory,
  clock: Clock,
  name: string,
  content: MirrorContent,
  own: MirrorOwn,
  isStill: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<boolean> => {
  const temporary = `${name}.tmp`;
  if (await directory.stat(temporary)) await directory.remove(temporary);
  const file = await directory.create(temporary);
  let isPlaced = false;
  try {
    await writeText(file, clock, mirrorText(content, own));
    if (await isStill()) {
      await directory.rename(temporary, name);
      isPlaced = true;
    }
    return isPlaced;
  } finally {
    // A piece of a file takes room that others may be waiting for, and people list this folder.
    if (!isPlaced) await directory.remove(temporary).catch(() => {});
  }
};

/** Durable on return; the file is closed. */
const writeText = async (file: File, clock: Clock, pieces: Iterable<string>): Promise<void> => {
  try {
    let at = 0;
    let text = "";
    for (const piece of pieces) {
      text += piece;
      if (text.length < sliceChars) continue;
      at += await append(file, text, at);
      text = "";
      await clock.yield();
    }
    await append(file, text, at);
    // Before the rename: an empty file under the name would look edited.
    await file.sync();
  } finally {
    await file.close();
  }
};

const append = async (file: File, text: string, startBytes: number): Promise<number> => {
  const bytes = Buffer.from(text, "utf8");
  await file.write(bytes, startBytes);
  return bytes.length;
};

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
