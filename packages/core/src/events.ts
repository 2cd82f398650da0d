/**
 * What a store tells while it works. The only door to `eventemitter3`.
 *
 * The rule: an event is told after what it tells is true; a listener that throws breaks no commit: its
 * error is itself an event ("listener:error") and goes to the logger.
 */
import { EventEmitter } from "eventemitter3";
import type { JsonValue } from "@taskwal/format";
import type { HeldType } from "./held-records.ts";
import type { MigratedEntity } from "./migration.ts";
import type { RecoveryReport } from "./recovery-report.ts";

/** Any logger of the pino, winston or console shape. The library itself never writes anywhere else. */
export interface Logger {
  debug(facts: unknown, message?: string): void;
  info(facts: unknown, message?: string): void;
  warn(facts: unknown, message?: string): void;
  error(facts: unknown, message?: string): void;
}

/** A mutation that has become visible. */
export interface MutationEvent {
  /** The entity's key in the model: "notes". */
  readonly collection: string;
  readonly id: string;
  readonly type: string;
  /** Undefined before a create; frozen. */
  readonly before: JsonValue | undefined;
  /** Undefined after a removal; frozen. */
  readonly after: JsonValue | undefined;
  /** The item, if the mutation appended one to a list. */
  readonly item: JsonValue | undefined;
  readonly version: number;
  readonly sequence: number;
}

/** What an opening does to a snapshot of older schema versions. */
export interface Migration {
  readonly entities: readonly MigratedEntity[];
  /** The file in the state directory that keeps the snapshot as it was. */
  readonly backup: string;
  /** The file in the state directory that tells of it. */
  readonly log: string;
}

export interface StoreEvents {
  /** An opening is done; the report says what it found. */
  recovered: [report: RecoveryReport];
  /** The state is in memory. */
  "state:loaded": [facts: { readonly sequence: number; readonly durationMs: number }];
  /** An opening found damage; told before "recovered". */
  "state:corruption": [report: RecoveryReport];
  /**
   * Records or entities that the model does not know were kept for a program that does. Told by each opening that
   * found some, before "recovered", and by a reader that follows when more come.
   */
  "state:held": [facts: { readonly types: readonly HeldType[] }];
  /** A snapshot of older schema versions is about to be migrated. */
  "migration:started": [migration: Migration];
  /** It is: the new snapshot and the marker in the log are durable. */
  "migration:done": [migration: Migration];
  /** A snapshot is in place. */
  "state:saved": [
    facts: { readonly sequence: number; readonly sizeBytes: number; readonly durationMs: number },
  ];
  /** A snapshot or mirror could not be written; the log goes on. */
  "state:save-error": [facts: { readonly error: Error }];
  /** Several saves in a row have failed; told once until one succeeds. */
  "state:save-failing": [facts: { readonly failures: number; readonly error: Error }];
  "autosave:triggered": [facts: { readonly sequence: number }];
  "shutdown:save": [facts: { readonly sequence: number }];
  "backup:created": [facts: { readonly name: string }];
  /** The old state.json could not be kept: the save was given up, and it stands where it stood. */
  "backup:failed": [facts: { readonly error: Error }];
  /** Little room is left; told once until there is clearly more. */
  "disk:low": [
    facts: {
      readonly path: string;
      readonly freeBytes: number;
      readonly totalBytes: number;
      readonly lowBytes: number;
    },
  ];
  /** A call had no room; told once until there is some again. */
  "disk:full": [facts: { readonly path: string; readonly error: Error }];
  /** A call had no permission, or the disk is read-only; told once until that is over. */
  "disk:denied": [facts: { readonly path: string; readonly error: Error }];
  /** The log was synced: before its callers are told. One for each batch, so listeners must be quick. */
  "log:synced": [facts: { readonly durationMs: number }];
  /** A file in our place holds what we did not write; it was set aside, not overwritten. */
  "mirror:conflict": [facts: { readonly name: string; readonly quarantined: string }];
  mutation: [mutation: MutationEvent];
  /** A mutation that nobody awaited was rejected. `flush()` will throw the first of them too. */
  "mutation:failed": [
    facts: { readonly error: unknown; readonly type: string; readonly id: string },
  ];
  /** The writer is dead until `reopen()`; reads go on. */
  poisoned: [facts: { readonly error: Error; readonly takenBack: readonly number[] }];
  "listener:error": [facts: { readonly error: unknown; readonly event: string }];
  closed: [];
}

export type Listeners<Events> = {
  readonly [Name in keyof Events]?: Events[Name] extends readonly unknown[]
    ? (...facts: Events[Name]) => void
    : never;
};

type AnyListener = (...facts: unknown[]) => void;

/** Emits the events of `Events`, shielding the emitter from its listeners. */
export class Events<Map extends object = StoreEvents> {
  readonly #emitter = new EventEmitter();
  readonly #logger: Logger | undefined;

  constructor(logger: Logger | undefined, listeners: Listeners<Map> = {}) {
    this.#logger = logger;
    for (const [name, listener] of Object.entries(listeners)) {
      if (listener) this.#attach(name, listener as AnyListener);
    }
  }

  /** Returns the function that takes the listener off again. */
  on<Name extends keyof Map & string>(
    name: Name,
    listener: (...facts: Map[Name] extends readonly unknown[] ? Map[Name] : never) => void,
  ): () => void {
    return this.#attach(name, listener as unknown as AnyListener);
  }

  emit<Name extends keyof Map & string>(
    name: Name,
    ...facts: Map[Name] extends readonly unknown[] ? Map[Name] : never
  ): void {
    this.#emitter.emit(name, ...(facts as readonly unknown[]));
  }

  /** Whether anyone listens: building an event's facts may be spared. */
  hears(name: keyof Map & string): boolean {
    return this.#emitter.listenerCount(name) > 0;
  }

  removeAll(): void {
    this.#emitter.removeAllListeners();
  }

  #attach(name: string, listener: AnyListener): () => void {
    const shielded = (...facts: unknown[]): void => {
      try {
        listener(...facts);
      } catch (error) {
        this.#logger?.error({ error, event: name }, "a listener threw");
        if (name !== "listener:error") this.#emitter.emit("listener:error", { error, event: name });
      }
    };
    this.#emitter.on(name, shielded);
    return () => {
      this.#emitter.off(name, shielded);
    };
  }
}
