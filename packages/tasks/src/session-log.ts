/**
 * The log of an agent session, as text: `logs/session_<id>.log`, one file a session, appended.
 *
 *     …what was there…\n | content\n          a piece that a crash cut short is ended by a line break first
 *
 * The rule: what is there is never rewritten; an append that failed is taken back.
 */
import { redacted, type Redact } from "@taskwal/core";
import { InvalidMutationError } from "@taskwal/errors";
import { folderOf, type Directory, type File } from "@taskwal/disk";
import { fileStem } from "@taskwal/format";

export const sessionLogName = (sessionId: string): string =>
  `logs/session_${fileStem(sessionId)}.log`;

const lineBreak = 0x0a;

/** What a redaction hook is asked with. */
const sessionLogType = "session.logged";

/** The content as it is kept. Throws InvalidMutationError for what is no text, and for what a hook refuses. */
export const sessionLogText = (
  sessionId: string,
  content: unknown,
  redact: Redact | undefined,
): string => {
  const about = { type: sessionLogType, id: sessionId };
  const kept =
    redact && typeof content === "string"
      ? redacted(redact, content, { ...about, collection: "logs" })
      : content;
  if (typeof kept === "string") return kept;
  throw new InvalidMutationError({ ...about, reason: "the content of a log is a text" });
};

/**
 * Durable on return. A line break is added where the content has none at its end. Errors of the disk pass through; the
 * file is as it was then, unless the disk refuses that too.
 */
export const appendSessionLog = async (
  directory: Directory,
  sessionId: string,
  content: string,
): Promise<void> => {
  const file = await openLog(directory, sessionLogName(sessionId));
  try {
    const { sizeBytes } = await file.stat();
    const before = (await endsInside(file, sizeBytes)) ? "\n" : "";
    const after = content.endsWith("\n") ? "" : "\n";
    await append(file, Buffer.from(`${before}${content}${after}`, "utf8"), sizeBytes);
  } finally {
    await file.close();
  }
};

const append = async (file: File, bytes: Uint8Array, sizeBytes: number): Promise<void> => {
  try {
    await file.write(bytes, sizeBytes);
    await file.sync();
  } catch (error) {
    // If it cannot be taken back it stays as a piece that the next append ends.
    await takeBack(file, sizeBytes).catch(() => {});
    throw error;
  }
};

/** With a sync: or a power cut brings back what was refused. */
const takeBack = async (file: File, sizeBytes: number): Promise<void> => {
  await file.truncate(sizeBytes);
  await file.sync();
};

/** Whether the last line has no end. */
const endsInside = async (file: File, sizeBytes: number): Promise<boolean> => {
  if (sizeBytes === 0) return false;
  const last = new Uint8Array(1);
  await file.read(last, sizeBytes - 1);
  return last[0] !== lineBreak;
};

/**
 * A file without a byte may be one whose name is not durable: whoever made it died before the folder was synced, or that
 * sync failed, and another one of the same name would then be no better. So it is made anew.
 */
const openLog = async (directory: Directory, name: string): Promise<File> => {
  const there = await directory.stat(name);
  if (there && there.sizeBytes > 0) return directory.open(name, "write");
  await directory.createFolder(folderOf(name));
  await directory.syncFolder(".");
  if (there) await directory.remove(name);
  const file = await directory.create(name);
  try {
    await directory.syncFolder(folderOf(name));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
};
