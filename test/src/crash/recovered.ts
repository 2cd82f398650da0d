/**
 * What disks recovered to, by their fingerprints: the same disk recovers the same, in whatever run.
 *
 * The rule: of a disk after a power cut only. After the death of the process alone the page cache is part
 * of what comes next, and no fingerprint covers what of it is durable.
 */
import type { Dump } from "./ledger.ts";

export class RecoveredDisks {
  readonly #dumps = new Map<string, Dump>();
  /** Each dump once: there are few of them, and many disks. */
  readonly #interned = new Map<Dump, Dump>();

  dumpOf(fingerprint: Buffer): Dump | undefined {
    return this.#dumps.get(fingerprint.toString("latin1"));
  }

  add(fingerprint: Buffer, dump: Dump): void {
    const known = this.#interned.get(dump) ?? dump;
    this.#interned.set(known, known);
    this.#dumps.set(fingerprint.toString("latin1"), known);
  }
}
