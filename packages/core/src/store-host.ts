/**
 * What is behind a store and its collections: the engine of the moment, exchanged by `reopen`.
 *
 * The rule: not exported from the package; users hold a `Store`, whose names stay few.
 */
import { ClosedError, InvalidMutationError } from "@taskwal/errors";
import type { LogEntry } from "@taskwal/log";
import { Calls } from "./calls.ts";
import type { EntityModel } from "./define-model.ts";
import type { Events, StoreEvents } from "./events.ts";
import { assertMark, type MarkOptions } from "./mark.ts";
import { viewState, type StateView } from "./snapshot-view.ts";
import { tellOpening } from "./opening-events.ts";
import { Monitor } from "./monitor.ts";
import { assertNotHeld } from "./prepare.ts";
import { receiptOf } from "./receipt.ts";
import type { Slot } from "./state.ts";
import type { CollectionHost } from "./store-collection.ts";
import { StoreEngine, type StoreSettings } from "./store-engine.ts";
import { markType, type MarkData } from "./system-record.ts";

const markEntry = (at: number, data: MarkData): LogEntry => ({
  draft: { at, type: markType },
  dataJson: JSON.stringify(data),
});

export class StoreHost implements CollectionHost {
  readonly settings: StoreSettings;
  readonly events: Events<StoreEvents>;
  readonly calls: Calls;
  /** Called whenever more became durable, and when there will be no more. */
  readonly followers: Set<() => void>;
  #engine: StoreEngine;
  #closing: Promise<void> | undefined;
  #reopening: Promise<void> | undefined;
  /** The first rejection that nobody handled, until flush() tells it. */
  #unhandled: { readonly error: unknown } | undefined;

  private constructor(
    settings: StoreSettings,
    events: Events<StoreEvents>,
    followers: Set<() => void>,
    engine: StoreEngine,
  ) {
    this.settings = settings;
    this.events = events;
    this.followers = followers;
    this.#engine = engine;
    this.calls = new Calls({
      engine: () => this.open,
      events,
      logger: settings.logger,
      onUnhandled: (error) => this.#note(error),
    });
  }

  static async open(
    settings: StoreSettings,
    events: Events<StoreEvents>,
    opening: { readonly lockWaitMs: number; readonly signal: AbortSignal | undefined },
  ): Promise<StoreHost> {
    const followers = new Set<() => void>();
    const monitor = new Monitor(events, settings.model, settings.diskLowBytes);
    const first = { ...opening, followers, monitor, known: undefined };
    const engine = await StoreEngine.open(settings, events, first);
    return new StoreHost(settings, events, followers, engine);
  }

  /** The engine, also of a closed store: for reading. */
  get engine(): StoreEngine {
    return this.#engine;
  }

  /** The engine of an open store. Throws ClosedError. */
  get open(): StoreEngine {
    if (this.#closing) throw new ClosedError();
    return this.#engine;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  read(entity: EntityModel, id: string): Slot | undefined {
    return this.#engine.parts.recovered.state.committed(entity, id);
  }

  readPending(entity: EntityModel, id: string): Slot | undefined {
    return this.#engine.parts.recovered.state.pending(entity, id);
  }

  slots(entity: EntityModel): ReadonlyMap<string, Slot> {
    return this.#engine.parts.recovered.state.slots(entity);
  }

  view(): StateView {
    const { recovered } = this.#engine.parts;
    return viewState(this.settings.model, recovered.state, recovered.keys);
  }

  /** What a call returns that may be left alone: a rejection that nobody handles is told by flush(). */
  receipt<Value>(call: string, work: Promise<Value>): Promise<Value> {
    return receiptOf(work, (error) => {
      this.#note(error);
      this.settings.logger?.error({ error }, `a ${call} that nobody awaits was rejected`);
    });
  }

  async flush(): Promise<void> {
    if (!this.closed)
      await this.#engine.queue.barrier(() => {}).catch((error: unknown) => this.#note(error));
    const unhandled = this.#unhandled;
    this.#unhandled = undefined;
    if (unhandled) throw unhandled.error;
  }

  /** Whoever calls it while it goes on waits for the same. */
  reopen(): Promise<void> {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #reopen(): Promise<void> {
    await this.open.close();
    const { followers } = this;
    const { monitor } = this.#engine;
    const { store, log: before } = this.#engine.parts;
    const known = { store, durable: before.durable };
    const opening = { lockWaitMs: 0, signal: undefined, followers, monitor, known };
    this.#engine = await StoreEngine.open(this.settings, this.events, opening);
    this.#engine.start();
    const { report, log } = this.#engine.parts;
    tellOpening(this.events, report, log.durable);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end(() => this.#engine.close());
    return this.#closing;
  }

  /** Frees the directory without a snapshot or a clean end. */
  abandon(): Promise<void> {
    this.#closing ??= this.#end(() => this.#engine.abandon());
    return this.#closing;
  }

  async accept(collection: string, id: string): Promise<void> {
    const { parts, queue, clock, model } = this.open;
    const entity = model.entities.get(collection);
    if (!entity)
      throw new InvalidMutationError({ id, reason: `the model has no entity ${collection}` });
    assertNotHeld(parts.recovered.state, id);
    const data: MarkData = { accepted: [{ entity: entity.name, id }] };
    await queue.barrier(async () => {
      await parts.log.append([markEntry(clock.now(), data)], true);
      queue.rebase(() => {
        const slot = parts.recovered.state.committed(entity, id);
        if (slot) parts.recovered.state.restore(entity, id, { ...slot, damage: undefined });
      });
    });
  }

  /** Behind everything that was called before it. */
  async mark(name: string, options: MarkOptions): Promise<number> {
    assertMark(name, options);
    const data: MarkData = { name, ...(options.text !== undefined && { text: options.text }) };
    const { parts, queue, clock } = this.open;
    const { first } = await queue.barrier(() =>
      parts.log.append([markEntry(clock.now(), data)], true),
    );
    for (const follower of this.followers) follower();
    return first;
  }

  async #end(end: () => Promise<void>): Promise<void> {
    try {
      // Else the engine that it opens would keep the directory.
      await this.#reopening?.catch(() => {});
      await end();
    } finally {
      for (const follower of this.followers) follower();
      this.events.emit("closed");
    }
  }

  #note(error: unknown): void {
    this.#unhandled ??= { error };
  }
}
