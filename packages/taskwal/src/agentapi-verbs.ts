/**
 * The verbs of `taskwal agentapi`: shutdown. Words and help here, work in a file each.
 *
 *     taskwal agentapi <verb> [options] [-- <agent…>]
 *
 * The rule: one command of cac, which knows no names of two words, and a row for each verb.
 */
import type { CAC } from "cac";
import { runAgentApiShutdown } from "./agentapi-shutdown-command.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { durationMs } from "./words.ts";

/** cac makes numbers of words that look like one. */
type Word = string | number;

interface Flags {
  readonly compat?: Word;
  readonly gate?: Word;
  readonly saveTimeout?: Word;
  readonly snapshotTimeout?: Word;
  readonly termTimeout?: Word;
  readonly json?: boolean;
}

type Run = (flags: Flags, terminal: Terminal) => Promise<number>;

const verbs: Readonly<Record<string, Run>> = {
  shutdown: async (flags, terminal) => {
    const { compat, gate, json = false } = flags;
    const isRegistry = oneOf("--compat", compat, ["registry"]) === "registry";
    return runAgentApiShutdown(
      {
        compat: isRegistry ? "registry" : undefined,
        gate: oneOf("--gate", gate, ["probe", "registry"]) ?? (isRegistry ? "registry" : "probe"),
        limits: {
          ...limit("checkpointMs", flags.saveTimeout),
          ...limit("snapshotMs", flags.snapshotTimeout),
          ...limit("termMs", flags.termTimeout),
        },
        json,
      },
      terminal,
    );
  },
};

const oneOf = <const Choice extends string>(
  flag: string,
  given: Word | undefined,
  choices: readonly Choice[],
): Choice | undefined => {
  if (given === undefined) return undefined;
  const choice = choices.find((each) => each === given);
  if (choice === undefined) throw new UsageError(`${flag} is ${choices.join(" or ")}`);
  return choice;
};

const limit = <Name extends string>(
  name: Name,
  time: Word | undefined,
): { [Key in Name]?: number } =>
  (time === undefined ? {} : { [name]: durationMs(String(time)) }) as { [Key in Name]?: number };

export const addAgentApiVerbs = (cli: CAC, terminal: Terminal): void => {
  cli
    .command(
      "agentapi <verb>",
      "shutdown: what the shutdown script of coder/registry does, verified",
    )
    .option("--compat <registry>", "Print the lines of that script, and always exit with 0")
    .option(
      "--gate <probe|registry>",
      "How it is decided whether agentapi can save (default: probe)",
    )
    .option("--save-timeout <time>", "For the save of its state (default: 6s)")
    .option("--snapshot-timeout <time>", "For the log to Coder, with all tries (default: 20s)")
    .option("--term-timeout <time>", "From SIGTERM to SIGKILL (default: 15s)")
    .option("--json", "One JSON object, nothing else")
    .action((verb: Word, flags: Flags) => {
      const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
      if (!run) throw new UsageError(`agentapi has no verb "${verb}"`);
      return run(flags, terminal);
    });
};
