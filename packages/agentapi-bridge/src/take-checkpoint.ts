/**
 * A save of agentapi's state, asked for by SIGUSR1 and believed only for what the file holds then.
 *
 *     file, log so far ─ SIGUSR1 ─┬─ the log says saved, or the file is another one ─> read ─ whole? ─ compare
 *                                 ├─ the log says there was nothing to save ─────────> read ─ whole? ─ compare
 *                                 ├─ the log says it failed, or is turned off ───────> failed
 *                                 └─ nothing, also after a second signal ────────────> read ─ whole? ─ compare, or unverified
 *
 * What is seen may be the answer to an earlier question: a file that lacks something is asked for once more.
 *
 * The rule: a log line or another time of the file is only the moment to look. What counts is that the file is
 * whole and holds the conversation: agentapi says that nothing changed also where it has not saved a message.
 */
import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readWhole } from "@taskwal/disk";
import type { Directory, Disk, ProcessIdentity } from "@taskwal/disk";

import { judgeCheckpoint } from "./checkpoint-verdict.ts";
import type { JournalProjection } from "./checkpoint-verdict.ts";
import { parseConversationState } from "./conversation-state.ts";
import { signalProcess } from "./pid-file.ts";

export interface CheckpointOrder {
  /** The caller knows that this agentapi saves at SIGUSR1, and that it has loaded its state. */
  readonly identity: ProcessIdentity;
  /** Undefined: not known, and nothing can be verified. */
  readonly stateFile: string | undefined;
  /** Where its standard output goes; without one only the file tells. */
  readonly logFile?: string;
  /** What the file should hold: the journal's projection, or what the running program tells. Undefined: not known. */
  readonly expected: (signal: AbortSignal) => Promise<JournalProjection | undefined>;
}

export interface Checkpoint {
  /**
   * `verified`: whole, and holds every committed message. `clean`: agentapi had nothing to save, and the file is
   * whole and lacks nothing that is known. `behind`, `ahead`, `diverged`: as `judgeCheckpoint`. `unverified`: nothing was seen
   * to happen, or nothing is known to compare with. `failed`: the save, or the file.
   */
  readonly verdict:
    | "verified"
    | "clean"
    | "behind"
    | "ahead"
    | "diverged"
    | "unverified"
    | "failed";
  /** For people: one clause. */
  readonly reason: string;
  /** The content of the file, where it is whole. */
  readonly bytes?: Uint8Array;
  readonly sha256?: string;
  readonly messageCount?: number;
}

const pollMs = 20;
/** After so long without a sign, the file may have held it all before. */
const unchangedMs = 500;
/** A log line may be torn across two looks. */
const logTailBytesMax = 1 << 20;
const stateBytesMax = 1 << 28;

const failed = (reason: string): Checkpoint => ({ verdict: "failed", reason });

/** Takes no longer than `limitMs`, of which the comparison has a part. Throws only what `signalProcess` and `expected` throw. */
export const takeCheckpoint = async (
  disk: Disk,
  order: CheckpointOrder,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<Checkpoint> => {
  const { identity, stateFile, logFile } = order;
  if (stateFile === undefined) {
    const isSent = signalProcess(disk, identity, "SIGUSR1") === "sent";
    const reason = "where it saves its state is not known";
    return isSent ? { verdict: "unverified", reason } : failed("it runs no more");
  }
  const files = await watchedFiles(disk, stateFile, logFile);
  try {
    if (signalProcess(disk, identity, "SIGUSR1") !== "sent") return failed("it runs no more");
    const startMs = performance.now();
    let [isLookedAt, isAskedAgain] = [false, false];
    let behind: Checkpoint | undefined;
    const askAgain = async (): Promise<void> => {
      isAskedAgain = true;
      if (behind) await files.begin();
      signalProcess(disk, identity, "SIGUSR1");
    };
    while (!signal.aborted) {
      const seen = await files.look();
      if (seen === "saved" || seen === "clean") {
        const judged = await compared(files, order, seen, signal);
        if (judged.verdict !== "behind" || behind) return judged;
        behind = judged;
        await askAgain();
      } else if (seen !== "nothing") return failed(seen.failed);
      const passedMs = performance.now() - startMs;
      if (passedMs >= limitMs) break;
      if (disk.isAlive(identity) === "dead") return failed("it ended before it had saved");
      if (!isLookedAt && passedMs >= Math.min(unchangedMs, limitMs / 4)) {
        isLookedAt = true;
        // Without a log, no change may just mean that there was none: then the file says so.
        const already = await compared(files, order, "nothing", signal);
        if (already.verdict === "verified") return already;
      }
      if (!isAskedAgain && passedMs >= limitMs / 2) await askAgain();
      await sleep(pollMs);
    }
    const reason = `no save was seen within ${limitMs} ms`;
    return behind ?? { verdict: "unverified", reason };
  } finally {
    await files.close();
  }
};

type Seen = "saved" | "clean" | "nothing" | { readonly failed: string };

interface WatchedFiles {
  /** Forgets what has happened. */
  begin(): Promise<void>;
  /** What has happened since they are watched. */
  look(): Promise<Seen>;
  /** The state file; undefined where there is none, or none that can be read. */
  state(): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

const watchedFiles = async (
  disk: Disk,
  stateFile: string,
  logFile: string | undefined,
): Promise<WatchedFiles> => {
  const opened = (path: string): Promise<Directory | undefined> =>
    disk.openDirectory(dirname(path)).catch(() => undefined);
  const [states, logs] = [await opened(stateFile), logFile ? await opened(logFile) : undefined];
  const state = (): Promise<Uint8Array | undefined> =>
    states
      ? readWhole(states, basename(stateFile), stateBytesMax).catch(() => undefined)
      : Promise.resolve(undefined);
  const identityOf = async (): Promise<string> => {
    const stat = await states?.stat(basename(stateFile)).catch(() => undefined);
    return stat ? `${stat.inode} ${stat.modified} ${stat.sizeBytes}` : "absent";
  };
  const logName = basename(logFile ?? "");
  let [before, logStart] = ["", 0];
  const begin = async (): Promise<void> => {
    before = await identityOf();
    logStart = (await logs?.stat(logName).catch(() => undefined))?.sizeBytes ?? 0;
  };
  await begin();
  return {
    begin,
    state,
    look: async () => {
      const told = logs ? inLog(await textFrom(logs, logName, logStart)) : "nothing";
      if (told !== "nothing") return told;
      return (await identityOf()) === before ? "nothing" : "saved";
    },
    close: async () => {
      await states?.close();
      await logs?.close();
    },
  };
};

const textFrom = async (
  directory: Directory,
  name: string,
  startBytes: number,
): Promise<string> => {
  try {
    const file = await directory.open(name, "read");
    try {
      const { sizeBytes } = await file.stat();
      const buffer = new Uint8Array(Math.max(0, Math.min(sizeBytes - startBytes, logTailBytesMax)));
      const count = await file.read(buffer, startBytes);
      return new TextDecoder().decode(buffer.subarray(0, count));
    } finally {
      await file.close();
    }
  } catch {
    return "";
  }
};

const inLog = (text: string): Seen => {
  if (text.includes('msg="State saved successfully"')) return "saved";
  if (text.includes('msg="Skipping state save: no changes since last save"')) return "clean";
  if (text.includes('msg="State persistence is disabled"')) return { failed: "it saves no state" };
  const [, error] =
    /msg="Failed to save (?:conversation state|state on SIGUSR1)".*? error="(.*)"\n/.exec(text) ??
    [];
  return error === undefined ? "nothing" : { failed: `it could not save: ${lastCause(error)}` };
};

/** The log has a whole stack of Go in one line; the cause is its last item. */
const lastCause = (error: string): string =>
  (error.split("\\n").at(-1) ?? "").replace(/^\s*- /, "");

const compared = async (
  files: WatchedFiles,
  { expected }: CheckpointOrder,
  seen: "saved" | "clean" | "nothing",
  signal: AbortSignal,
): Promise<Checkpoint> => {
  const bytes = await files.state();
  if (!bytes) return failed("there is no state file that can be read");
  const read = parseConversationState(bytes);
  if (read.verdict === "invalid") return failed(`the state file is not whole: ${read.reason}`);
  const { messages } = read.state;
  const content = {
    bytes,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    messageCount: messages.length,
  };
  const projection = await expected(signal);
  if (!projection) {
    const reason = "the state file is whole; there is nothing to compare it with";
    return { verdict: seen === "clean" ? "clean" : "unverified", reason, ...content };
  }
  const judged = judgeCheckpoint(messages, projection);
  if (judged.verdict !== "verified") return { ...judgedWords(judged), ...content };
  return seen === "clean"
    ? { verdict: "clean", reason: "nothing had changed since the last save", ...content }
    : { verdict: "verified", reason: `it holds all ${messages.length} messages`, ...content };
};

const judgedWords = (
  judged: Exclude<ReturnType<typeof judgeCheckpoint>, { verdict: "verified" }>,
): Pick<Checkpoint, "verdict" | "reason"> => {
  switch (judged.verdict) {
    case "behind":
      return { verdict: "behind", reason: `it lacks the messages ${judged.missingIds.join(", ")}` };
    case "ahead":
      return { verdict: "ahead", reason: `it has more messages: ${judged.extraIds.join(", ")}` };
    case "diverged":
      return {
        verdict: "diverged",
        reason: `it is another conversation from message ${judged.firstId} on`,
      };
  }
};
