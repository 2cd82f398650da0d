/**
 * Sends one message of the user to an agentapi, and says honestly what came of it.
 *
 *     intent, durable ─ wait until stable ─ POST /message ─ outcome, durable
 *
 *     200, or the message was told                  accepted
 *     never sent, or refused before it was typed    rejected
 *     no answer, or one after it was typed          indeterminate    accepted as soon as the message is told
 *
 * The rule: nothing is sent that the journal does not know, and one message at a time: agentapi answers
 * nobody else while it types.
 */
import { z } from "zod";

import { failureOf } from "./http-failure.ts";
import type { Command, Journal } from "./journal.ts";

export interface SendOptions {
  readonly journal: Journal;
  /** "http://127.0.0.1:3284" */
  readonly baseUrl: string;
  readonly text: string;
  /** How long it is waited until agentapi is stable, and again for its answer. In milliseconds. */
  readonly timeoutMs: number;
  /** Gives up: nothing is sent, or what was sent is indeterminate. */
  readonly signal?: AbortSignal;
}

interface Outcome {
  readonly outcome: Exclude<Command["outcome"], "pending">;
  readonly detail?: string;
}

const pollMs = 100;
const detailLengthMax = 1000;

/** Throws only what the journal throws: a message that could not be recorded as intended is not sent. */
export const sendMessage = (options: SendOptions): Promise<Command> =>
  options.journal.turn(async () => {
    const { journal, text } = options;
    const { id } = await journal.intend(text);
    const { outcome, detail } = (await refusedBefore(options)) ?? (await post(options));
    return journal.settle(id, outcome, detail?.slice(0, detailLengthMax));
  });

/** Waits until agentapi is stable; what the command comes to if it is not. */
const refusedBefore = async (options: SendOptions): Promise<Outcome | undefined> => {
  const { journal, baseUrl, timeoutMs, signal } = options;
  const { clock } = journal.disk;
  const limit = withLimit(options);
  const endMs = clock.monotonicMs() + timeoutMs;
  try {
    while (!limit.signal.aborted) {
      const response = await fetch(`${baseUrl}/status`, { signal: limit.signal });
      const status = statusBody.safeParse(await response.json().catch(() => undefined));
      if (status.data?.status === "stable") return undefined;
      if (clock.monotonicMs() >= endMs) break;
      await pause(options);
    }
  } catch (error) {
    if (!limit.signal.aborted) return rejected(`there is no agentapi: ${failureOf(error).reason}`);
  } finally {
    limit.clear();
  }
  return rejected(
    signal?.aborted
      ? "it was given up before it was sent"
      : `agentapi did not wait for a message within ${timeoutMs} ms`,
  );
};

const post = async (options: SendOptions): Promise<Outcome> => {
  const { baseUrl, text, timeoutMs, signal } = options;
  const limit = withLimit(options);
  try {
    const response = await fetch(`${baseUrl}/message`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ content: text, type: "user" }),
      signal: limit.signal,
    });
    return outcomeOf(response.status, await response.text());
  } catch (error) {
    const { reason, isRefused } = failureOf(error);
    if (isRefused) return rejected(`there is no agentapi: ${reason}`);
    if (!limit.signal.aborted) return indeterminate(`the connection broke: ${reason}`);
    return indeterminate(
      signal?.aborted
        ? "it was given up before agentapi answered"
        : `agentapi did not answer within ${timeoutMs} ms`,
    );
  } finally {
    limit.clear();
  }
};

const statusBody = z.object({ status: z.enum(["running", "stable"]) });
const acceptedBody = z.object({ ok: z.literal(true) });
const problemBody = z.object({
  detail: z.string().optional(),
  errors: z.array(z.object({ message: z.string().optional() })).optional(),
});

/** What agentapi says before it has typed anything. Whatever else it says, the agent may have got the message. */
const refusals = [
  "message must not be empty",
  "message can only be sent when the agent is waiting for user input",
];

const outcomeOf = (status: number, body: string): Outcome => {
  const json = jsonOf(body);
  if (status === 200 && acceptedBody.safeParse(json).success) return { outcome: "accepted" };
  const problem = problemBody.safeParse(json).data;
  const said = problem?.errors?.[0]?.message ?? problem?.detail ?? body;
  const detail = `agentapi answered ${status}: ${said}`;
  const isRefusal = (status >= 400 && status < 500) || refusals.some((one) => said.endsWith(one));
  return isRefusal ? rejected(detail) : indeterminate(detail);
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const rejected = (detail: string): Outcome => ({ outcome: "rejected", detail });
const indeterminate = (detail: string): Outcome => ({ outcome: "indeterminate", detail });

/** A signal that aborts when the caller's does or when the time is over. */
const withLimit = ({ journal, timeoutMs, signal }: SendOptions) => {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const cancel = journal.disk.clock.schedule(timeoutMs, abort);
  return {
    signal: controller.signal,
    clear: (): void => {
      cancel();
      signal?.removeEventListener("abort", abort);
    },
  };
};

const pause = ({ journal }: SendOptions): Promise<void> => {
  const { clock } = journal.disk;
  const release = clock.holdProcess();
  return new Promise((done) => {
    clock.schedule(pollMs, () => {
      release();
      done();
    });
  });
};
