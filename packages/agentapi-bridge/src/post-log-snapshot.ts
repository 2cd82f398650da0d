/**
 * A snapshot of a log, posted to Coder until it is taken, refused, or the time is over.
 *
 *     POST ─ 2xx ─────────────────────────────> posted
 *       ├─ 400, 404, 413, … ──────────────────> refused: the same body will never be taken
 *       ├─ 401, 403, a redirection ───────────> kept: another token or address may do, not now
 *       └─ 408, 429, 5xx, no answer in time ──> again, each time later ─ time over ─> kept
 *
 * The rule: Coder stores the last one that it took, so one that may have arrived is sent again. The token
 * goes to the address that was given and to no other: a redirection is not followed.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { limitedSignal, withinMs } from "./time-limit.ts";

/** What a workspace agent is given: CODER_AGENT_URL and CODER_AGENT_TOKEN. */
export interface CoderAccess {
  readonly url: string;
  readonly token: string;
}

export interface PostOptions {
  readonly coder: CoderAccess;
  readonly taskId: string;
  /** JSON, at most 65,536 bytes: what `buildLogSnapshot` gives. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** How long all tries may take. */
  readonly limitMs: number;
  /** How long one try may take. Default: 10,000. */
  readonly tryTimeoutMs?: number;
  /** Ends the tries. */
  readonly signal?: AbortSignal;
}

export type PostOutcome =
  | { readonly outcome: "posted"; readonly status: number }
  /** `answer` is the beginning of what Coder said. */
  | { readonly outcome: "refused"; readonly status: number; readonly answer: string }
  /** For people: one clause. */
  | { readonly outcome: "kept"; readonly status?: number; readonly reason: string };

const answerBytesMax = 4096;
const firstPauseMs = 250;
const pauseMsMax = 5000;
const passing = new Set([408, 425, 429]);
const ofAccess = new Set([401, 403]);

/** Never throws: what the network and the system say is a reason. */
export const postLogSnapshot = async (options: PostOptions): Promise<PostOutcome> => {
  const { coder, limitMs, tryTimeoutMs = 10_000 } = options;
  if (!URL.canParse(coder.url)) return { outcome: "kept", reason: "Coder's address is not a URL" };
  const { signal, release } = limitedSignal(limitMs, options.signal);
  let last: PostOutcome = { outcome: "kept", reason: "there was no time to post it" };
  try {
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      const { outcome, isPassing } = await withinMs(
        tryTimeoutMs,
        (within) => post(options, within),
        signal,
      ).catch(unanswered);
      last = outcome;
      if (!isPassing) break;
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    release();
  }
  return last;
};

interface Try {
  readonly outcome: PostOutcome;
  /** Whether the next try may have another outcome. */
  readonly isPassing: boolean;
}

const post = async ({ coder, taskId, body }: PostOptions, signal: AbortSignal): Promise<Try> => {
  const base = coder.url.replace(/\/+$/, "");
  const path = `/api/v2/workspaceagents/me/tasks/${encodeURIComponent(taskId)}/log-snapshot?format=agentapi`;
  const response = await fetch(`${base}${path}`, {
    method: "POST",
    headers: { "Coder-Session-Token": coder.token, "Content-Type": "application/json" },
    body,
    redirect: "manual",
    signal,
  });
  const { status } = response;
  const answer = await beginningOf(response);
  if (response.ok) return { outcome: { outcome: "posted", status }, isPassing: false };
  const isPassing = passing.has(status) || status >= 500;
  const isKept = isPassing || ofAccess.has(status) || status < 400;
  const outcome: PostOutcome = isKept
    ? { outcome: "kept", status, reason: `Coder answered ${status}: ${answer}` }
    : { outcome: "refused", status, answer };
  return { outcome, isPassing };
};

const unanswered = (error: unknown): Try => {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error && cause.message !== "" ? cause.message : message;
  return {
    outcome: { outcome: "kept", reason: `Coder gave no answer: ${reason}` },
    isPassing: true,
  };
};

/** An answer is for people: what is longer, or breaks off, is cut. */
const beginningOf = async ({ body }: Response): Promise<string> => {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  if (body) {
    try {
      for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
        pieces.push(piece);
        sizeBytes += piece.length;
        if (sizeBytes >= answerBytesMax) break;
      }
    } catch {
      // What came is enough: the status is known.
    }
  }
  return Buffer.concat(pieces).subarray(0, answerBytesMax).toString().trim();
};
