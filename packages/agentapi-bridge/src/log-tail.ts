/**
 * What agentapi's log says that nothing else tells.
 *
 *     msg="Successfully loaded state" …                       loaded
 *     msg="No previous state to load (file does not exist)"   nothing
 *     level=ERROR msg="Failed to load state" …                failed
 *
 * The rule: the log begins with its agentapi (session-directory.ts), so what is in it is of this one. It is text that an
 * agent cannot write into: agents print on a terminal of their own.
 */
import { basename, dirname } from "node:path";
import type { Disk } from "@taskwal/disk";

export type LoadOutcome = "loaded" | "nothing" | "failed";

const outcomes: readonly (readonly [string, LoadOutcome])[] = [
  ['msg="Successfully loaded state"', "loaded"],
  ['msg="No previous state to load', "nothing"],
  ['msg="Failed to load state"', "failed"],
];

export const loadOutcomeIn = (log: string): LoadOutcome | undefined =>
  outcomes.find(([line]) => log.includes(line))?.[1];

/** A load comes early in a log, and an end late. */
const partBytesMax = 1 << 20;

/** Its beginning or its end; "" where there is none that can be read. */
export const readLog = async (
  disk: Disk,
  logFile: string,
  part: "beginning" | "end",
): Promise<string> => {
  const directory = await disk.openDirectory(dirname(logFile)).catch(() => undefined);
  try {
    const file = await directory?.open(basename(logFile), "read");
    if (!file) return "";
    try {
      const { sizeBytes } = await file.stat();
      const buffer = new Uint8Array(Math.min(sizeBytes, partBytesMax));
      const count = await file.read(buffer, part === "end" ? sizeBytes - buffer.length : 0);
      return new TextDecoder().decode(buffer.subarray(0, count));
    } finally {
      await file.close();
    }
  } catch {
    return "";
  } finally {
    await directory?.close();
  }
};

/** For people: the last lines that it printed. */
export const lastLines = async (disk: Disk, logFile: string, count = 5): Promise<string> => {
  const lines = (await readLog(disk, logFile, "end")).trimEnd().split("\n");
  return lines.slice(-count).join("\n");
};
