/**
 * Bugs to plant: each a replacement of exact text in the built engine, and the promises that it must
 * break.
 *
 * The rule: a text that is not there exactly once is an error, so that a bug cannot quietly become no
 * bug when the engine changes.
 */
export interface PlantedBug {
  readonly name: string;
  /** What harms the store: the power, in calls of these phases (all, if none are named); or rot. */
  readonly harm: "rot" | readonly string[];
  /** The promises that it breaks: the first that is found broken is one of these. */
  readonly breaks: readonly string[];
  readonly patches: readonly {
    /** Relative to `packages/`. */
    readonly file: string;
    readonly find: string;
    readonly put: string;
  }[];
}

const syncOfBatch = `// Before anything up to here is acknowledged: the promise of append, sync and flushSync.
            await active.file.sync();`;

const fileOfBatch = "const file = isThrough ? active.through : active.file;";
const writeOfBatch = "await file.write(encoded.bytes, inFlight.startBytes);";

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "acknowledge before the sync",
    harm: [],
    breaks: [
      "what was acknowledged is there",
      "a crash loses nothing acknowledged",
      "every opening recovers the same state",
    ],
    patches: [
      { file: "log/dist/log-writer.js", find: fileOfBatch, put: "const file = active.file;" },
    ],
  },
  {
    name: "skip the directory sync",
    harm: [],
    breaks: ["what was acknowledged is there", "every opening recovers the same state"],
    patches: [
      {
        file: "log/dist/active-segment.js",
        find: "await directory.syncFolder(walFolder);",
        put: "",
      },
    ],
  },
  {
    name: "retry a failed fsync",
    harm: ["failed sync"],
    // Whichever is looked at first: a store that should be dead goes on, HEAD promised what is gone.
    breaks: [
      "a store goes on where it promised to",
      "what was acknowledged is there",
      "a crash loses nothing acknowledged",
    ],
    patches: [
      {
        file: "log/dist/writer-segments.js",
        find: syncOfBatch,
        put: "await active.file.sync().catch(() => active.file.sync());",
      },
      {
        file: "log/dist/log-writer.js",
        find: writeOfBatch,
        put: `${writeOfBatch.slice(0, -1)}.catch(() => file.sync());`,
      },
    ],
  },
  {
    name: "ignore a short write",
    harm: ["disk full"],
    breaks: ["a store goes on where it promised to"],
    patches: [
      {
        file: "log/dist/log-writer.js",
        find: writeOfBatch,
        put: `${writeOfBatch.slice(0, -1)}.catch(() => {});`,
      },
    ],
  },
  {
    name: "ignore a short write, and do not compare sizes before the acknowledgement",
    harm: ["disk full"],
    breaks: ["what was acknowledged is there", "a crash loses nothing acknowledged"],
    patches: [
      {
        file: "log/dist/log-writer.js",
        find: writeOfBatch,
        put: `${writeOfBatch.slice(0, -1)}.catch(() => {});`,
      },
      {
        file: "log/dist/writer-segments.js",
        find: "if (stat.sizeBytes !== active.bytes) {",
        put: "if (false) {",
      },
    ],
  },
  {
    name: "truncate at the first bad line",
    harm: "rot",
    breaks: ["one bad bit costs at most the operation that it hit"],
    patches: [
      {
        file: "log/dist/replay-log.js",
        find: "this.#survey(irregular, batches)",
        put: "this.#survey(undefined, batches)",
      },
    ],
  },
  {
    name: "prune above the fallback",
    harm: "rot",
    breaks: ["any snapshot leads to the last record"],
    patches: [
      {
        file: "core/dist/store-engine.js",
        find: "below: oldestSequence",
        put: "below: log.durable",
      },
    ],
  },
  {
    name: "append behind a torn tail",
    harm: [],
    breaks: ["the second opening finds nothing to repair"],
    patches: [
      {
        file: "log/dist/active-segment.js",
        find: "const temporary = temporaryName(start.id);",
        put: `const temporary = temporaryName(start.id);
        const last = start.previous && segmentName(start.previous);
        // HEAD tells of segments that this bug never made: only what is there can be appended to.
        const isThere = last !== undefined && (await directory.stat(last)) !== undefined;
        if (isThere && start.previous.epoch < start.id.epoch && start.carried.length === 0) {
            const id = { first: start.previous.first, epoch: start.previous.epoch };
            const file = await directory.open(segmentName(id), "write");
            const through = await directory.open(segmentName(id), "write-through");
            const { inode, sizeBytes } = await file.stat();
            const reopened = new ActiveSegment({ ...start, id }, { file, through, inode }, { bytes: new Uint8Array(sizeBytes), lastCrc: undefined });
            reopened.publish = async () => {};
            return reopened;
        }`,
      },
    ],
  },
  {
    name: "snapshot of pending state",
    harm: ["snapshot"],
    breaks: ["a snapshot holds exactly the state of its sequence"],
    patches: [
      {
        file: "core/dist/snapshot-view.js",
        find: "slots: [...slots.values()]",
        put: "slots: [...slots.keys()].map((id) => state.pending(entity, id))",
      },
    ],
  },
];
