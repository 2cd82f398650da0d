/** What a log writer is given and gives back. */
import type { Clock, Directory } from "@taskwal/disk";
import type { DiskFailedError } from "@taskwal/errors";
import type { RecordDraft } from "@taskwal/format";
import type { Continuation } from "./carry-tail.ts";

/** A record to write: everything but its sequence and lag. */
export interface LogEntry {
  readonly draft: RecordDraft;
  /** Its payload as JSON text. */
  readonly dataJson: string;
}

export interface Appended {
  /** Sequence of the first entry; the others follow. */
  readonly first: number;
  readonly last: number;
}

export interface LogWriterOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly store: string;
  /** Claimed by this process (claim-epoch.ts): a claim that is gone means that others came since. */
  readonly epoch: number;
  readonly continuation: Continuation;
  /** Every sequence up to here is durable. */
  readonly durable: number;
  /** The checksum of the last record's line, hex. */
  readonly lastCrc: string;
  /** A segment is sealed by the first batch that would take it past this size. */
  readonly segmentBytesMax: number;
  /** After how long without an append the last batch is closed with an idle marker, in milliseconds. */
  readonly idleMs: number;
  /** Why this process no longer owns the directory, or undefined. Asked after each sync. */
  readonly fence: () => string | undefined;
  /** Called once, when the writer dies. */
  readonly onPoison: (error: DiskFailedError) => void;
}

/** A call of `append` whose turn has not come; `written` if `flushSync` was first. */
export interface Waiting {
  readonly entries: readonly LogEntry[];
  written: Appended | undefined;
}
