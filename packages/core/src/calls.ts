/**
 * From `mutate` and `transact` to a unit of the commit queue, and from its end back to the caller.
 *
 *     check ─ key known? ──yes──> the result it had, or a ConflictError
 *               └ no ─ stage ─ queue ─> committed ─ notify ─ settle
 *
 * The rule: every call settles exactly once, a refusal leaves nothing staged, and the same key never
 * happens twice, not even while the first is still being written.
 */
import { ConflictError, InvalidMutationError } from "@taskwal/errors";
import { limits } from "@taskwal/format";
import type { Committed, TransactionOptions, WriteOptions } from "./collection-type.ts";
import { dropPromise } from "./drop-promise.ts";
import type { Events, Logger, StoreEvents } from "./events.ts";
import { fingerprint, type KeyedMutation } from "./idempotency.ts";
import {
  check,
  prepare,
  stage,
  type Checked,
  type MutationCall,
  type Prepared,
} from "./prepare.ts";
import { openReceipt, type PendingReceipt } from "./receipt.ts";
import { frozen } from "./snapshot-view.ts";
import type { Slot } from "./state.ts";
import type { StoreEngine } from "./store-engine.ts";
import type { Unit } from "./unit.ts";

export interface CallsOptions {
  /** The living engine; throws if the store is closed. */
  readonly engine: () => StoreEngine;
  readonly events: Events<StoreEvents>;
  readonly logger: Logger | undefined;
  readonly onUnhandled: (error: unknown) => void;
}

/** The value of a change for its caller, from the entity before and after. */
export type Shape<Value> = (after: Slot | undefined, before: Slot | undefined) => Value;

/** What a call's queue needs besides its payload, about. */
const callOverheadBytes = 256;

/** What a call has staged, and how it does so again if a call before it was cancelled. */
type Staged = Pick<Unit, "changes" | "restage">;

interface Queued {
  readonly changes: readonly Prepared[];
  /** Sequence of the first change. */
  readonly first: number;
}

export class Calls {
  readonly #options: CallsOptions;
  /** By key: calls that are still being written. */
  readonly #underWay = new Map<
    string,
    { readonly print: string; readonly done: Promise<Queued> }
  >();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  mutate<Value>(
    call: MutationCall,
    options: WriteOptions,
    shape: Shape<Value>,
  ): PendingReceipt<Committed<Value>> {
    const { receipt, resolve, reject } = openReceipt<Committed<Value>>((error) =>
      this.#unhandled(error, call),
    );
    const done = ({ changes: [change], first }: Queued): void => {
      if (change)
        resolve({
          value: shape(change.after, change.before),
          version: change.after.n,
          sequence: first,
        });
    };
    try {
      const engine = this.#ready(options);
      const checked = check(engine, call);
      const { key } = options;
      const print = key === undefined ? "" : fingerprint([keyedOf(checked)]);
      const repeated = key !== undefined && this.#repeated(engine, key, print, call.id);
      const restage = (): readonly Prepared[] => [stage(engine.context(), checked)];
      if (!repeated)
        this.#queue(engine, { changes: restage(), restage }, print, options, done, reject);
      else if ("done" in repeated) repeated.done.then(done, reject);
      else {
        const slot = engine.parts.recovered.state.committed(checked.mutation.entity, call.id);
        resolve({
          value: shape(slot, slot),
          version: repeated.version,
          sequence: repeated.sequence,
        });
      }
    } catch (error) {
      reject(error);
    }
    return receipt;
  }

  /** Several mutations, all or none; `work` stages them. Undefined if the key of the call is known. */
  transact<R>(
    work: (mutate: (call: MutationCall) => Prepared) => R,
    options: TransactionOptions,
  ): PendingReceipt<R | undefined> {
    const named = { id: "", type: "(transaction)" };
    const { receipt, resolve, reject } = openReceipt<R | undefined>((error) =>
      this.#unhandled(error, named),
    );
    try {
      const engine = this.#ready(options);
      const { key } = options;
      const known = key === undefined ? undefined : engine.parts.recovered.keys.get(key);
      const underWay = key === undefined ? undefined : this.#underWay.get(key);
      if (known) resolve(undefined);
      else if (underWay) underWay.done.then(() => resolve(undefined), reject);
      else {
        let run = stageAll(engine, work);
        const { changes } = run;
        // What it read may be of a call that is cancelled: then it runs again.
        const restage = (): readonly Prepared[] => (run = stageAll(engine, work)).changes;
        const print = key === undefined ? "" : fingerprint(changes.map(keyedOf));
        const done = (): void => resolve(run.result);
        if (changes.length === 0) done();
        else this.#queue(engine, { changes, restage }, print, options, done, reject);
      }
    } catch (error) {
      reject(error);
    }
    return receipt;
  }

  #ready(options: WriteOptions): StoreEngine {
    const engine = this.#options.engine();
    const { poison } = engine.parts.log;
    if (poison) throw poison;
    options.signal?.throwIfAborted();
    assertLabels(options);
    return engine;
  }

  /** What the key came to before, or is coming to. Throws ConflictError if it was another call's. */
  #repeated(engine: StoreEngine, key: string, print: string, id: string) {
    const underWay = this.#underWay.get(key);
    const known = engine.parts.recovered.keys.get(key);
    const before = underWay?.print ?? known?.fingerprint;
    if (before === undefined) return undefined;
    if (before === print) return underWay ?? known;
    throw new ConflictError({
      id,
      expected: "key",
      current: known?.version ?? 0,
      exists: true,
      key,
    });
  }

  #queue(
    engine: StoreEngine,
    { changes, restage }: Staged,
    print: string,
    options: WriteOptions,
    done: (queued: Queued) => void,
    reject: (error: unknown) => void,
  ): void {
    const { key, signal, durability = "synced" } = options;
    const forKey = key === undefined ? undefined : this.#begin(key, print);
    const onAbort = (): void => void engine.queue.cancel(unit, signal?.reason);
    const unit: Unit = {
      changes,
      restage,
      durability,
      bytes: bytesOf(changes),
      facts: factsOf(options),
      committed: (first) => {
        signal?.removeEventListener("abort", onAbort);
        const queued = { changes: unit.changes, first };
        if (key !== undefined) {
          const isFirst = unit.changes === changes;
          const now = isFirst ? print : fingerprint(unit.changes.map(keyedOf));
          this.#rememberKey(engine, key, now, queued);
        }
        this.#notify(queued);
        forKey?.resolve(queued);
        done(queued);
      },
      failed: (error) => {
        signal?.removeEventListener("abort", onAbort);
        if (key !== undefined) this.#underWay.delete(key);
        forKey?.reject(error);
        reject(error);
      },
    };
    try {
      engine.queue.submit(unit);
      signal?.addEventListener("abort", onAbort, { once: true });
    } catch (error) {
      unstageAll(engine, changes);
      unit.failed(error);
    }
  }

  #begin(
    key: string,
    print: string,
  ): { resolve(queued: Queued): void; reject(error: unknown): void } {
    let resolve!: (queued: Queued) => void;
    let reject!: (error: unknown) => void;
    const done = new Promise<Queued>((onDone, onFailed) => {
      resolve = onDone;
      reject = onFailed;
    });
    // Perhaps nobody calls with the same key meanwhile.
    done.catch(() => {});
    this.#underWay.set(key, { print, done });
    return { resolve, reject };
  }

  #rememberKey(
    engine: StoreEngine,
    key: string,
    print: string,
    { changes: [change], first }: Queued,
  ): void {
    this.#underWay.delete(key);
    if (!change) return;
    const { type, at } = change.draft;
    const { id, after } = change;
    engine.parts.recovered.keys.add({
      key,
      fingerprint: print,
      type,
      id,
      version: after.n,
      sequence: first,
      at,
    });
  }

  #notify({ changes, first }: Queued): void {
    const { events } = this.#options;
    if (!events.hears("mutation")) return;
    for (const [index, change] of changes.entries()) {
      const { mutation, id, before, after, payload } = change;
      events.emit("mutation", {
        collection: mutation.entity.key,
        id,
        type: mutation.type,
        before: frozen(before?.value),
        after: frozen(after.value),
        item: mutation.list === undefined ? undefined : payload,
        version: after.n,
        sequence: first + index,
      });
    }
  }

  #unhandled(error: unknown, { type, id }: Pick<MutationCall, "type" | "id">): void {
    this.#options.onUnhandled(error);
    this.#options.logger?.error({ error, type, id }, "a mutation that nobody awaits was rejected");
    this.#options.events.emit("mutation:failed", { error, type, id });
  }
}

const bytesOf = (changes: readonly Prepared[]): number => {
  let bytes = 0;
  for (const { dataJson } of changes) bytes += dataJson.length + callOverheadBytes;
  return bytes;
};

const keyedOf = ({ call, payload }: Checked): KeyedMutation => ({
  type: call.type,
  id: call.id,
  data: payload,
});

const unstageAll = (engine: StoreEngine, changes: readonly Prepared[]): void => {
  for (const change of changes.toReversed()) engine.parts.recovered.state.unstage(change);
};

/** Runs the function of a transaction; what it staged is taken back if it throws. */
const stageAll = <R>(
  engine: StoreEngine,
  work: (mutate: (call: MutationCall) => Prepared) => R,
): { readonly result: R; readonly changes: readonly Prepared[] } => {
  const context = engine.context();
  const changes: Prepared[] = [];
  let open = true;
  try {
    const result = work((call) => {
      if (!open)
        throw new InvalidMutationError({ type: call.type, reason: "its transaction has ended" });
      const change = prepare(context, call);
      changes.push(change);
      return change;
    });
    assertTransaction(result, changes.length);
    return { result, changes };
  } catch (error) {
    unstageAll(engine, changes);
    throw error;
  } finally {
    open = false;
  }
};

const assertTransaction = (result: unknown, count: number): void => {
  if (dropPromise(result)) {
    throw new InvalidMutationError({
      reason: "the function given to transact returned a promise; it must be synchronous",
    });
  }
  if (count > limits.transactionRecordsMax) {
    throw new InvalidMutationError({
      reason: `a transaction holds at most ${limits.transactionRecordsMax} mutations`,
    });
  }
};

const labels = ["actor", "key", "trace"] as const;

const assertLabels = (options: WriteOptions): void => {
  for (const name of labels) {
    const label: unknown = options[name];
    if (label === undefined) continue;
    if (typeof label === "string" && Buffer.byteLength(label) <= limits.labelBytesMax) continue;
    throw new InvalidMutationError({
      reason: `${name} is not a string of at most ${limits.labelBytesMax} bytes`,
    });
  }
  const { cause } = options;
  if (cause !== undefined && !(Number.isSafeInteger(cause) && cause > 0)) {
    throw new InvalidMutationError({ reason: "cause is not a sequence" });
  }
};

const factsOf = ({ actor, cause, key, trace }: WriteOptions): Unit["facts"] => {
  if ((actor ?? cause ?? key ?? trace) === undefined) return undefined;
  return {
    ...(actor === undefined ? {} : { actor }),
    ...(cause === undefined ? {} : { cause }),
    ...(key === undefined ? {} : { key }),
    ...(trace === undefined ? {} : { trace }),
  };
};
