/**
 * Records as they stand in the log, from a sequence on; with `follow`, those to come as well.
 *
 *     scan ≤ D ─> yield ─> wait for more to become durable ─> scan on from there
 *
 * The rule: only what is durable is given; a follower never sees a record that a power cut could take
 * back. Sequences that were lost are left out (`seq` shows the jump, a "$gap" record tells of it); to
 * ask for what was pruned is refused, so that a follower that fell behind never misses a record unseen.
 */
import { DiskFailedError, InvalidMutationError } from "@taskwal/errors";
import type { Clock, Directory } from "@taskwal/disk";
import type { LogRecord } from "@taskwal/format";
import { listLog, replayLog, type LogPosition } from "@taskwal/log";

export interface RecordsOptions {
  /** The first sequence wanted; InvalidMutationError if it is pruned. Default: the oldest that is kept. */
  readonly from?: number;
  /**
   * Goes on with records as they become durable, until `signal` or the end of the store; while it is
   * waited for the next, the process stays alive. Default: false.
   */
  readonly follow?: boolean;
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal;
}

export interface RecordSource {
  readonly directory: Directory;
  /** The store's id: believed of a segment whose header does not read. */
  readonly store: string | undefined;
  readonly clock: Clock;
  readonly options: RecordsOptions;
  /** The highest durable sequence. */
  durable(): number;
  /** Called when that rises, and when the store ends. */
  readonly followers: Set<() => void>;
  ended(): boolean;
}

export async function* recordStream(source: RecordSource): AsyncGenerator<LogRecord, void, void> {
  const { options } = source;
  const { signal } = options;
  if (options.from !== undefined && !(Number.isSafeInteger(options.from) && options.from > 0)) {
    throw new InvalidMutationError({ reason: `from is not a sequence: ${options.from}` });
  }
  // 0: the oldest that is kept, whichever that is.
  let next = options.from ?? 0;
  let resume: LogPosition | undefined;
  /** The last sequence that was given. */
  let given = 0;
  for (;;) {
    const durable = source.durable();
    if (next <= durable) {
      const range = readRange(source, next, durable, resume);
      try {
        for (let step = await range.next(); ; step = await range.next()) {
          if (signal?.aborted) return;
          if (step.done) {
            resume = step.value;
            break;
          }
          given = step.value.seq;
          yield step.value;
        }
      } catch (error) {
        // A segment went between its listing and its reading.
        const oldest = await oldestAfterPruning(source.directory, error);
        const wanted = Math.max(next, given === 0 ? 0 : given + 1);
        if (oldest <= wanted) throw error;
        if (wanted > 0) throw pruned(wanted, oldest);
        continue;
      } finally {
        // Whoever breaks off the iteration leaves no file open.
        await range.return(undefined);
      }
      next = durable + 1;
    }
    if (!options.follow || source.ended() || signal?.aborted) return;
    await more(source, next);
  }
}

/** The oldest that is kept, if the error is of a file that is gone; else 0. */
const oldestAfterPruning = async (directory: Directory, error: unknown): Promise<number> => {
  if (!(error instanceof DiskFailedError) || error.errno !== "ENOENT") return 0;
  return (await listLog(directory)).segments[0]?.id.first ?? 0;
};

const pruned = (first: number, oldest: number): InvalidMutationError =>
  new InvalidMutationError({
    reason: `the records from @${first} on were pruned up to @${oldest - 1}; the first that is kept is @${oldest}`,
  });

/** Kept records from `first` to `last`; what is pruned or lost is left out. Returns where it left off. */
async function* readRange(
  { directory, store }: Pick<RecordSource, "directory" | "store">,
  first: number,
  last: number,
  resume: LogPosition | undefined,
): AsyncGenerator<LogRecord, LogPosition | undefined> {
  const listing = await listLog(directory, store);
  const oldest = listing.segments[0]?.id.first ?? last + 1;
  if (first > 0 && first < oldest) throw pruned(first, oldest);
  const base = Math.max(first, oldest) - 1;
  const range = { base, promised: last, until: last, onReadError: "throw" } as const;
  const steps = replayLog(directory, listing, resume ? { ...range, resume } : range);
  try {
    for (let step = await steps.next(); ; step = await steps.next()) {
      if (step.done) return step.value.position;
      if (step.value.kind === "records") yield* step.value.records;
    }
  } finally {
    await steps.return(undefined as never);
  }
}

/** Resolves when `next` is durable, the store ends, or the signal aborts. */
const more = async (source: RecordSource, next: number): Promise<void> => {
  const { signal } = source.options;
  let look = (): void => {};
  // Nothing else may be left to do, and a signal's time-out holds nobody.
  const release = source.clock.holdProcess();
  await new Promise<void>((resolve) => {
    look = () => {
      if (source.durable() >= next || source.ended() || signal?.aborted) resolve();
    };
    source.followers.add(look);
    signal?.addEventListener("abort", look, { once: true });
    look();
  });
  release();
  source.followers.delete(look);
  signal?.removeEventListener("abort", look);
};
