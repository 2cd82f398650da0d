/**
 * A server that sends what a test says on each connection to /events, and a journal that follows it in simulated time.
 *
 * The rule: no real time passes. A pause of the follower is over as soon as it has begun.
 */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import {
  createEventStreamReader,
  followEvents,
  openJournal,
  readAgentApiEvent,
  type FollowEvent,
  type Following,
  type Journal,
} from "@taskwal/agentapi-bridge";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";

/** What is done with one connection. */
export type Answer = (response: ServerResponse) => void;

/** Sends bytes and cuts the connection off behind them. */
export const sendAndCut =
  (bytes: Uint8Array): Answer =>
  (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.flushHeaders();
    response.write(bytes, () => response.destroy());
  };

/** Sends bytes and stays. */
export const sendAndStay =
  (bytes: Uint8Array): Answer =>
  (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.flushHeaders();
    response.write(bytes);
  };

export class ScriptedEvents {
  readonly #server: Server;
  #answers: Answer[] = [];
  connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (_, response: ServerResponse) => {
      this.connections += 1;
      const [answer] = this.#answers;
      // The last one is for all that come after it.
      if (this.#answers.length > 1) this.#answers.shift();
      answer?.(response);
    });
  }

  static async listen(): Promise<ScriptedEvents> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ScriptedEvents(server);
  }

  get baseUrl(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  }

  script(...answers: readonly Answer[]): void {
    this.#answers = [...answers];
    this.connections = 0;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

export class Followed {
  readonly sim: SimDisk;
  readonly journal: Journal;
  readonly following: Following;
  readonly heard: FollowEvent[] = [];
  readonly #stop = new AbortController();
  readonly #watchers = new Set<() => void>();

  private constructor(sim: SimDisk, journal: Journal, baseUrl: string) {
    this.sim = sim;
    this.journal = journal;
    this.following = followEvents({
      journal,
      baseUrl,
      signal: this.#stop.signal,
      onEvent: (event) => {
        this.heard.push(event);
        if (event.kind === "disconnected") setImmediate(() => sim.clock.advance(event.retryMs));
        for (const watch of this.#watchers) watch();
      },
    });
  }

  static async start(baseUrl: string, sim: SimDisk = createSimDisk()): Promise<Followed> {
    const journal = await openJournal({ sessionDir: "/session", disk: sim.process() });
    return new Followed(sim, journal, baseUrl);
  }

  /** Waits until it holds; asked again with each event. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((done) => {
      const watch = (): void => {
        if (!holds()) return;
        this.#watchers.delete(watch);
        done();
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  /** What was told since the last connection, but for errors that were told before. */
  get sinceConnected(): readonly FollowEvent[] {
    const last = this.heard.findLastIndex(({ kind }) => kind === "connected");
    return this.heard
      .slice(last + 1)
      .filter(({ kind }) => kind === "message_update" || kind === "status_change");
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.following.done;
  }
}

/** The messages and states that the bytes of a stream tell, in order. */
export const toldIn = (bytes: Uint8Array): readonly FollowEvent[] =>
  createEventStreamReader()
    .push(bytes)
    .flatMap((event) => (event.kind === "event" ? [readAgentApiEvent(event)] : []))
    .filter(({ kind }) => kind === "message_update" || kind === "status_change");

export interface SpokenMessage {
  readonly role: string;
  readonly message: string;
}

/** The conversation that a stream comes to: the last text of each id. */
export const conversationIn = (bytes: Uint8Array): readonly SpokenMessage[] => {
  const last = new Map<number, SpokenMessage>();
  for (const event of toldIn(bytes)) {
    if (event.kind !== "message_update") continue;
    last.set(event.id, { role: event.role, message: event.message });
  }
  return [...last.values()];
};

export const conversationOf = (journal: Journal): readonly SpokenMessage[] =>
  journal.messages().map(({ role, message }) => ({ role, message }));

/**
 * What agentapi sends to one who connects when it has sent so many events of a stream to others: its messages as they
 * are then, its status, and what follows.
 */
export const sentFrom = (bytes: Uint8Array, count: number): Buffer => {
  const told = toldIn(bytes);
  const messages = new Map<number, FollowEvent>();
  let status: FollowEvent = { kind: "status_change", status: "running", agent_type: "custom" };
  for (const event of told.slice(0, count)) {
    if (event.kind === "message_update") messages.set(event.id, event);
    if (event.kind === "status_change") status = event;
  }
  const sent = [...messages.values(), status, ...told.slice(count)];
  return Buffer.from(sent.map(({ kind, ...data }) => framed(kind, data)).join(""));
};

/** The bytes of one event, as agentapi frames it. */
export const framed = (event: string, data: object): string =>
  `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
