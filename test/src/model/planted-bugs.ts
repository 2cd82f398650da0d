/**
 * Bugs that the model must find, planted in a copy of the built engine.
 *
 * The rule: as those of the crash campaign: exact text, found exactly once.
 */
import type { PlantedBug } from "../crash/planted-bugs.ts";

type Patch = PlantedBug["patches"][number];

export interface ModelBug {
  readonly name: string;
  /** How the message of the failure may begin. */
  readonly breaks: readonly string[];
  readonly patches: readonly Patch[];
}

const core = (file: string, find: string, put: string): Patch => ({
  file: `core/dist/${file}.js`,
  find,
  put,
});
const log = (file: string, find: string, put: string): Patch => ({
  file: `log/dist/${file}.js`,
  find,
  put,
});

export const modelBugs: readonly ModelBug[] = [
  {
    name: "acknowledge before the sync",
    // Shrunk, it may end as a hole that a failed sync left in a log that went on.
    breaks: ["I5 nothing is shown before it is as durable", "sequences are dense"],
    patches: [
      log(
        "writer-segments",
        `// Before anything up to here is acknowledged: the promise of append, sync and flushSync.
            await active.file.sync();`,
        "void active.file.sync().catch(() => {});",
      ),
      log(
        "log-writer",
        "const file = isThrough ? active.through : active.file;",
        "const file = active.file;",
      ),
    ],
  },
  {
    name: "show synced calls once they are written",
    breaks: ["I5 nothing is shown before it is as durable"],
    patches: [
      core("commit-queue", "await log.append(entries, sync)", "await log.append(entries, false)"),
    ],
  },
  {
    name: "a reducer's result is lost when the log is folded",
    // Whoever folds the log: an opening, or a reader beside.
    breaks: ["I1 ", "I2 ", "I26 "],
    patches: [
      core(
        "fold",
        "return applyMutation(mutation, before, payload, { id, at: record.at, n });",
        `const slot = applyMutation(mutation, before, payload, { id, at: record.at, n });
            return mutation.type === "note.renamed" ? { ...slot, value: before.value } : slot;`,
      ),
    ],
  },
  {
    name: "keys are forgotten with a snapshot",
    breaks: ["I2 what is shown was asked", "I5 ", "a refusal has its reason", "a repeated call"],
    patches: [core("load-state", "for (const key of engine.keys)", "for (const key of [])")],
  },
  {
    name: "flushSync acknowledges a batch that a full disk refused",
    breaks: ["I5 ", "I2 "],
    patches: [core("commit-queue", "flatMap(entriesOf), behind)", "flatMap(entriesOf))")],
  },
  {
    name: "flushSync twice in a turn writes twice",
    breaks: ["I5 ", "I2 ", "I1 "],
    patches: [log("log-writer", "this.#waiting.clear();", "")],
  },
  {
    name: "a dead writer takes back what is durable",
    breaks: ["I6 what is taken back is named"],
    patches: [core("commit-queue", "({ sequence }) => sequence > durable", "() => true")],
  },
];
