/**
 * The log of an agent session, as text: `logs/session_<id>.log`, one file a session, appended.
 *
 *     …what was there…\n | content\n          a piece that a crash cut short is ended by a line break first
 *
 * The rule: what is there is never rewritten; an append that failed is taken back.
 */
import { errnoOf, InvalidMutationError } from "@taskwal/errors";
import { folderOf, type Directory, type File } from "@taskwal/disk";
import { fileStem } from "@taskwal/format";

export const sessionLogName = (sessionId: string): string =>
  `logs/session_${fileStem(sessionId)}.log`;

const lineBreak = 0x0a;

/**
 * Durable on return. A line break is added where the content has none at its end. Errors of the disk pass through; the
 * file is as it was then, unless the disk refuses that too.
 */
export const appendSessionLog = async (
  directory: Directory,
  sessionId: string,
  content: string,
): Promise<void> => {
  if (typeof content !== "string") {
    throw new InvalidMutationError({ id: sessionId, reason: "the content of a log is a text" });
  }
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
    await file.truncate(sizeBytes).catch(() => {});
    throw error;
  }
};

/** Whether the last line has no end. */
const endsInside = async (file: File, sizeBytes: number): Promise<boolean> => {
  if (sizeBytes === 0) return false;
  const last = new Uint8Array(1);
  await file.read(last, sizeBytes - 1);
  return last[0] !== lineBreak;
};

const openLog = async (directory: Directory, name: string): Promise<File> => {
  try {
    return await directory.open(name, "write");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  await directory.createFolder(folderOf(name));
  await directory.syncFolder(".");
  const file = await directory.create(name);
  await directory.syncFolder(folderOf(name));
  return file;
};
