/**
 * The verbs that make a new store of another one: salvage, restore, fork. Words and help here, work in a file each.
 *
 * The rule: first they say what they would do; the store that is read stays as it is; the new directory is there with all
 * that it should hold, or not at all.
 */
import type { CAC } from "cac";
import { runFork } from "./fork-command.ts";
import { readingFlags, type Words } from "./reading/reading-words.ts";
import { runRestore } from "./restore-command.ts";
import { runSalvage } from "./salvage-command.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** cac makes numbers of words that look like one. */
type Word = string | number;

const options = {
  at: ["--at <point>", "As it was after this point: 12, a time, boot:2, -5m (default: @last)"],
  to: ["--to <dir>", "The new directory; missing or empty"],
  model: ["--model <file>", "A file that exports your model (default: the tasks')"],
  json: ["--json", "One JSON object, nothing else"],
  apply: [
    "--apply",
    "Write it (default: say what would be kept and what is lost, and write nothing)",
  ],
} as const;

/** Throws UsageError where the work is asked for and no place for it is said. */
const targetOf = (words: Words): { readonly to: string | undefined; readonly apply: boolean } => {
  const [to, apply] = [words.one("to"), words.flag("apply")];
  if (apply && to === undefined) throw new UsageError("--apply needs --to <dir>, a new directory");
  return { to, apply };
};

export const addNewStoreVerbs = (cli: CAC, terminal: Terminal): void => {
  cli
    .command("salvage <dir>", "Everything that can be read past damage, as a new store")
    .option(...options.to)
    .option(...options.apply)
    .option(...options.model)
    .option(...options.json)
    .example("$ taskwal salvage ./coding-agent-state")
    .example("$ taskwal salvage ./coding-agent-state --to ./salvaged --apply")
    .action((dir: Word, given: Record<string, unknown>) => {
      const words = readingFlags(cli, given);
      const json = words.flag("json");
      const target = targetOf(words);
      return runSalvage({ dir: String(dir), ...target, model: words.one("model"), json }, terminal);
    });
  for (const { name, does, example, run } of pointVerbs) {
    cli
      .command(`${name} <dir>`, does)
      .option(...options.at)
      .option(...options.to)
      .option(...options.apply)
      .option(...options.model)
      .option(...options.json)
      .example(`$ taskwal ${example}`)
      .action((dir: Word, given: Record<string, unknown>) => {
        const words = readingFlags(cli, given);
        const [at, model, json] = [words.one("at"), words.one("model"), words.flag("json")];
        return run({ dir: String(dir), at, ...targetOf(words), model, json }, terminal);
      });
  }
};

const pointVerbs = [
  {
    name: "restore",
    does: "The state at a point, as a new store",
    example: "restore ./coding-agent-state --at 9 --to ./restored --apply",
    run: runRestore,
  },
  {
    name: "fork",
    does: "A second store that goes on from a point, and shares what is never written again",
    example: "fork ./coding-agent-state --at boot:1/end --to ./forked --apply",
    run: runFork,
  },
] as const;
