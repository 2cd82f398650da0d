/**
 * Follows what an agentapi tells, into the journal, until it is told to stop.
 *
 *     GET /events ─ pieces ─ events ─ hear ─ durable ─> onEvent
 *          ▲                                  │ a text that grows: every 250 ms, when it is stable, before the next message
 *          └ 100 ms … 5 s ◄─ cut, refused, silent, or the disk is full: all is told again, and what the journal has is known
 *
 * The rule: nothing is told on before it is durable, but for the texts of a message that is still being written. One
 * piece is read when the one before is on the disk, so that memory holds one piece, whatever agentapi tells.
 */
import { get, type IncomingMessage } from "node:http";
import { ClosedError } from "@taskwal/errors";

import { readAgentApiEvent, type AgentApiEvent } from "./agentapi-event.ts";
import { createEventStreamReader, type StreamEvent } from "./event-stream.ts";
import { failureOf } from "./http-failure.ts";
import type { Journal } from "./journal.ts";

/** What agentapi told, and how it is with the connection. */
export type FollowEvent =
  | AgentApiEvent
  | Exclude<StreamEvent, { readonly kind: "event" }>
  | { readonly kind: "connected" }
  | {
      readonly kind: "disconnected";
      readonly reason: string;
      /** Milliseconds until it is tried again. */
      readonly retryMs: number;
      readonly error?: unknown;
    };

export interface FollowOptions {
  readonly journal: Journal;
  /** "http://127.0.0.1:3284" */
  readonly baseUrl: string;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** In the order in which it was told; an error that is told again with each connection only once. */
  readonly onEvent?: (event: FollowEvent) => void;
}

export interface Following {
  /** Resolves once all that agentapi had to tell at the first connection is in the journal, or with `done`. */
  readonly ready: Promise<void>;
  /** Resolves once it has ended and what was told is durable. Rejects only if that could not be recorded. */
  readonly done: Promise<void>;
  /** As told last; undefined while there is no connection. */
  status(): "running" | "stable" | undefined;
}

const retryMsMin = 100;
const retryMsMax = 5000;
/** A text that is still being written is recorded so often at most. */
const revisionMs = 250;
/** agentapi tells the status at once to everybody who connects. */
const silenceMsMax = 10_000;
/** So many errors agentapi itself keeps. */
const errorsMax = 100;

export const followEvents = (options: FollowOptions): Following => {
  const follower = new Follower(options);
  const done = follower.run();
  const ready = Promise.race([follower.ready, done.catch(() => {})]);
  return { ready, done, status: () => follower.status };
};

class Follower {
  readonly #options: FollowOptions;
  readonly ready: Promise<void>;
  status: "running" | "stable" | undefined;
  #isReady!: () => void;
  readonly #toldErrors = new Set<string>();
  #cancelRevision: (() => void) | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.ready = new Promise((done) => {
      this.#isReady = done;
    });
  }

  async run(): Promise<void> {
    const { journal, signal } = this.#options;
    const { clock } = journal.disk;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const startMs = clock.monotonicMs();
      const failure = await this.#connect();
      this.status = undefined;
      if (signal.aborted || failure.error instanceof ClosedError) break;
      if (clock.monotonicMs() - startMs > retryMsMax) failures = 0;
      const retryMs = this.#jittered(Math.min(retryMsMin * 2 ** failures, retryMsMax));
      this.#tell({ kind: "disconnected", ...failure, retryMs });
      await this.#pause(retryMs);
    }
    await journal.flush().catch((error: unknown) => {
      if (!(error instanceof ClosedError)) throw error;
    });
  }

  /** One connection, to its end; never throws. */
  async #connect(): Promise<{ readonly reason: string; readonly error?: unknown }> {
    const { journal, baseUrl, signal } = this.#options;
    const connection = new AbortController();
    const end = (): void => connection.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    const cancelSilence = journal.disk.clock.schedule(silenceMsMax, () =>
      connection.abort(new Error(`nothing was told for ${silenceMsMax} ms`)),
    );
    try {
      const response = await open(`${baseUrl}/events`, connection.signal);
      if (response.statusCode !== 200) return { reason: `the answer was ${response.statusCode}` };
      this.#tell({ kind: "connected" });
      const { push } = createEventStreamReader();
      for await (const bytes of response) {
        cancelSilence();
        await this.#take(push(bytes as Uint8Array), connection);
      }
      return { reason: "the stream has ended" };
    } catch (error) {
      const cause: unknown = connection.signal.aborted ? connection.signal.reason : error;
      return { reason: failureOf(cause).reason, error: cause };
    } finally {
      cancelSilence();
      this.#cancelRevision?.();
      this.#cancelRevision = undefined;
      signal.removeEventListener("abort", end);
      connection.abort();
    }
  }

  async #take(events: readonly StreamEvent[], connection: AbortController): Promise<void> {
    const { journal } = this.#options;
    const told = events.map((event) => (event.kind === "event" ? readAgentApiEvent(event) : event));
    const writes = told.flatMap((event): Promise<unknown>[] => {
      if (event.kind === "message_update") return [journal.hear(event)];
      const isStable = event.kind === "status_change" && event.status === "stable";
      return isStable ? [journal.flush()] : [];
    });
    await Promise.all(writes);
    for (const event of told) {
      if (event.kind === "status_change") {
        this.status = event.status;
        this.#isReady();
      }
      if (event.kind !== "agent_error" || this.#isNewError(event)) this.#tell(event);
    }
    if (journal.hasRevision) this.#planRevision(connection);
  }

  #planRevision(connection: AbortController): void {
    const { journal } = this.#options;
    this.#cancelRevision ??= journal.disk.clock.schedule(revisionMs, () => {
      this.#cancelRevision = undefined;
      journal.flush().catch((error: unknown) => connection.abort(error));
    });
  }

  #isNewError({ time, message }: Extract<AgentApiEvent, { kind: "agent_error" }>): boolean {
    const key = `${time} ${message}`;
    if (this.#toldErrors.has(key)) return false;
    this.#toldErrors.add(key);
    const [oldest] = this.#toldErrors;
    if (this.#toldErrors.size > errorsMax && oldest !== undefined) this.#toldErrors.delete(oldest);
    return true;
  }

  #tell(event: FollowEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      // As with any listener: its mistake is its program's, and not the journal's.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** Between half of it and all: those who lost the same agentapi do not come back at once. */
  #jittered(ms: number): number {
    const [byte = 0] = this.#options.journal.disk.randomBytes(1);
    return Math.round(ms * (0.5 + byte / 510));
  }

  #pause(ms: number): Promise<void> {
    const { journal, signal } = this.#options;
    const { clock } = journal.disk;
    return new Promise((done) => {
      const release = clock.holdProcess();
      const end = (): void => {
        cancel();
        release();
        signal.removeEventListener("abort", end);
        done();
      };
      const cancel = clock.schedule(ms, end);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}

/** Not by `fetch`: it ends a stream on which nothing is told for five minutes, and agents wait longer than that. */
const open = (url: string, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((done, failed) => {
    get(url, { signal, agent: false }, done).on("error", failed);
  });
