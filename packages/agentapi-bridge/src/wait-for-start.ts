/**
 * Waits until an agentapi answers, and then until it has loaded its state.
 *
 *     GET /status   three times 200 in a row, 100 ms apart        started
 *     its log       loaded, nothing to load, failed               loaded
 *       elsewhere   it tells all that its state file had before   loaded
 *
 * The rule: an answer is its answer only while it runs: the wait ends with it. Each request is bounded, and all of
 * them together. Before it has loaded it must not be asked for a save, which would replace what it has not loaded.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Disk } from "@taskwal/disk";

import { judgeCheckpoint, openEnded } from "./checkpoint-verdict.ts";
import type { ComparedMessage } from "./checkpoint-verdict.ts";
import { loadOutcomeIn, readLog, type LoadOutcome } from "./log-tail.ts";
import { readConversation } from "./read-conversation.ts";
import { withinMs } from "./time-limit.ts";

const pollMs = 100;
const answersWanted = 3;
const answerMs = 1000;

export interface StartWait {
  readonly baseUrl: string;
  readonly limitMs: number;
  readonly hasEnded: () => boolean;
  readonly signal?: AbortSignal;
}

/** `ended` as soon as it has ended; `timeout` after the limit. */
export const waitForStart = async (wait: StartWait): Promise<"started" | "ended" | "timeout"> => {
  const startMs = performance.now();
  let answers = 0;
  while (answers < answersWanted) {
    if (wait.hasEnded()) return "ended";
    if (wait.signal?.aborted || performance.now() - startMs > wait.limitMs) return "timeout";
    await sleep(pollMs);
    answers = (await isAnswered(wait)) ? answers + 1 : 0;
  }
  return wait.hasEnded() ? "ended" : "started";
};

const isAnswered = async ({ baseUrl, signal }: StartWait): Promise<boolean> => {
  try {
    return await withinMs(
      answerMs,
      async (within) => {
        const response = await fetch(`${baseUrl}/status`, { signal: within });
        await response.arrayBuffer();
        return response.ok;
      },
      signal,
    );
  } catch {
    return false;
  }
};

export interface LoadWait extends StartWait {
  readonly disk: Disk;
  readonly logFile: string;
  /** What its state file had before; [] for none. */
  readonly saved: readonly ComparedMessage[];
}

/** `timeout`: it is not ready for anything yet. */
export const waitForLoad = async (wait: LoadWait): Promise<LoadOutcome | "ended" | "timeout"> => {
  const { disk, logFile, saved, limitMs } = wait;
  const startMs = performance.now();
  for (let tries = 0; ; tries += 1) {
    const log = await readLog(disk, logFile, "beginning");
    const told = loadOutcomeIn(log);
    if (told) return told;
    if (!log.includes(" msg=") && tries % 10 === 9) {
      // Its log goes elsewhere. Where there is nothing to load, a save does no harm.
      if (saved.length === 0) return "nothing";
      if (await tellsAll(wait)) return "loaded";
    }
    if (wait.hasEnded()) return "ended";
    if (wait.signal?.aborted || performance.now() - startMs > limitMs) return "timeout";
    await sleep(pollMs);
  }
};

const tellsAll = async ({ baseUrl, saved, signal }: LoadWait): Promise<boolean> => {
  try {
    const told = await withinMs(
      answerMs,
      (within) => readConversation(baseUrl, { limitMs: answerMs, signal: within }),
      signal,
    );
    const messages = told.map(({ role, content }): ComparedMessage => ({
      role: role === "user" ? "user" : "agent",
      message: content,
    }));
    const { verdict } = judgeCheckpoint(messages, openEnded(saved));
    return messages.length >= saved.length && (verdict === "verified" || verdict === "ahead");
  } catch {
    return false;
  }
};
