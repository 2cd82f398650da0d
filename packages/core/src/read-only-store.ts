/**
 * The store that a reader holds: the same reads as `Store`, and a refusal for everything that writes.
 */
import { ClosedError } from "@taskwal/errors";
import type { LogRecord } from "@taskwal/format";
import type { StoreEvents } from "./events.ts";
import { inspect, type Health } from "./health.ts";
import { readerSource } from "./health-sources.ts";
import type { HeldId } from "./held-records.ts";
import type { Telemetry } from "./telemetry.ts";
import { readOnlyRefusal, type ReaderHost } from "./reader-host.ts";
import type { RecordsOptions } from "./record-stream.ts";
import type { RecoveryReport } from "./recovery-report.ts";
import { damagedEntities, digestState, type DamagedEntity } from "./snapshot-view.ts";

const refused = (): Promise<never> => Promise.reject(new ClosedError(readOnlyRefusal));

export class ReadOnlyStore {
  readonly readOnly = true;
  readonly poisoned: undefined;
  readonly snapshot: () => Promise<never> = refused;
  readonly compact: () => Promise<never> = refused;
  readonly dump: () => Promise<never> = refused;
  readonly reopen: () => Promise<never> = refused;
  readonly accept: () => Promise<never> = refused;
  readonly mark: () => Promise<never> = refused;
  readonly #host: ReaderHost;

  constructor(host: ReaderHost) {
    this.#host = host;
  }

  get recovery(): RecoveryReport {
    return this.#host.recovery;
  }

  /** The last sequence that is shown. */
  get sequence(): number {
    return this.#host.sequence;
  }

  get dir(): string {
    return this.#host.dir;
  }

  get damaged(): readonly DamagedEntity[] {
    return damagedEntities(this.#host.view());
  }

  /** As `Store.held`. */
  get held(): readonly HeldId[] {
    return this.#host.held.ids();
  }

  assertWritable(): void {
    throw new ClosedError(readOnlyRefusal);
  }

  digest(): string {
    return digestState(this.#host.view());
  }

  on<Name extends keyof StoreEvents>(
    name: Name,
    listener: (...facts: StoreEvents[Name]) => void,
  ): () => void {
    return this.#host.events.on(name, listener);
  }

  /** As `Store.health`, of what concerns reading. */
  health(): Promise<Health> {
    return inspect(readerSource(this.#host));
  }

  /** As `Store.telemetry`: only openings are counted. */
  telemetry(): Telemetry {
    return this.#host.counts.read();
  }

  records(options: RecordsOptions = {}): AsyncIterableIterator<LogRecord> {
    return this.#host.records(options);
  }

  /** Catches up with what is durable now. */
  flush(): Promise<void> {
    return this.#host.flush();
  }

  flushSync(): void {
    // Nothing of this process waits to be written.
  }

  close(): Promise<void> {
    return this.#host.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
