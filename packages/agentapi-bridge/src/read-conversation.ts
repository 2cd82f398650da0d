/**
 * The messages of a running agentapi, also while it is busy with one.
 *
 *     GET /messages ─ waits for a POST that is in flight ──── what it has now ───────────┐
 *     GET /events ─── replays all messages, then its status ─ what it has told, at once ─┴─> the messages
 *                     none within a third of the time, or no such path: /messages is waited for
 *
 * The rule: what no lock blocks is there in any case, and what is newer if it comes soon: agentapi tells a message
 * that it has accepted only with its next tick of 25 ms. The body of /messages is asked for twice: agentapi breaks
 * the connection off where a message comes while it answers.
 */
import { readAgentApiEvent } from "./agentapi-event.ts";
import { createEventStreamReader } from "./event-stream.ts";
import type { SnapshotMessage } from "./snapshot-message.ts";
import { withinMs } from "./time-limit.ts";
import { z } from "zod";

const messagesShape = z.looseObject({
  messages: z.array(z.looseObject({ id: z.int(), content: z.string() })),
});

/** How long /messages is waited for once /events has told. */
const soonMsMax = 250;

/** In their order, raw. Throws what fetch throws, TimeLimitError, or what a body that is none is refused with. */
export const readConversation = async (
  baseUrl: string,
  { limitMs, signal }: { readonly limitMs: number; readonly signal?: AbortSignal },
): Promise<readonly SnapshotMessage[]> =>
  withinMs(
    limitMs,
    async (within) => {
      const asking = new AbortController();
      const newest = newestOf(baseUrl, AbortSignal.any([within, asking.signal]));
      const soonMs = Math.min(soonMsMax, limitMs / 3);
      try {
        const told = await withinMs(limitMs / 3, (third) => replayed(baseUrl, third), within).catch(
          () => undefined,
        );
        if (!told) return await newest;
        const answered = await withinMs(soonMs, () => newest, within).catch(() => told);
        // It may have answered first, and a message come between.
        return answered.length < told.length ? told : answered;
      } finally {
        asking.abort();
      }
    },
    signal,
  );

const newestOf = (baseUrl: string, signal: AbortSignal): Promise<readonly SnapshotMessage[]> => {
  const newest = asked(baseUrl, signal).catch(() => asked(baseUrl, signal));
  // It is not always waited for.
  newest.catch(() => {});
  return newest;
};

const answerOf = async (url: string, signal: AbortSignal): Promise<Response> => {
  const response = await fetch(url, { signal });
  if (response.ok) return response;
  await response.body?.cancel();
  throw new Error(`${url} answered ${response.status}`);
};

const asked = async (baseUrl: string, signal: AbortSignal): Promise<readonly SnapshotMessage[]> => {
  const response = await answerOf(`${baseUrl}/messages`, signal);
  return messagesShape.parse(await response.json()).messages;
};

/** The first status ends the replay: agentapi marks its end by nothing else. */
const replayed = async (
  baseUrl: string,
  signal: AbortSignal,
): Promise<readonly SnapshotMessage[]> => {
  const { body } = await answerOf(`${baseUrl}/events`, signal);
  const messages = new Map<number, SnapshotMessage>();
  const { push } = createEventStreamReader();
  // Leaving the loop closes the connection.
  for await (const bytes of (body ?? []) as AsyncIterable<Uint8Array>) {
    for (const event of push(bytes)) {
      if (event.kind !== "event") continue;
      const told = readAgentApiEvent(event);
      if (told.kind === "status_change") return [...messages.values()].sort((a, b) => a.id - b.id);
      if (told.kind !== "message_update") continue;
      const { id, role, message: content, time } = told;
      messages.set(id, { id, role, content, time });
    }
  }
  throw new Error("the stream of events ended before its replay did");
};
