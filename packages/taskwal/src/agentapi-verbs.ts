/**
 * The verbs of `taskwal agentapi`: run, status, checkpoint, shutdown. Words and help here, work in a file each.
 *
 *     taskwal agentapi <verb> [options] [-- <agent…>]
 *
 * The rule: one command of cac, which knows no names of two words, and a row for each verb.
 */
import { readShutdownRequest, type StopLimits } from "@taskwal/agentapi-bridge";
import type { CAC } from "cac";
import { runAgentApiCheckpoint, runAgentApiStatus } from "./agentapi-look-commands.ts";
import { runAgentApiRun } from "./agentapi-run-command.ts";
import { namedPaths, pathsOfSession, type SessionFlags } from "./agentapi-session.ts";
import { runAgentApiShutdown } from "./agentapi-shutdown-command.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { durationMs } from "./words.ts";

/** cac makes numbers of words that look like one. */
type Word = string | number;

interface Flags {
  readonly dir?: Word;
  readonly stateFile?: Word;
  readonly pidFile?: Word;
  readonly port?: Word;
  readonly type?: Word;
  readonly binary?: Word;
  readonly script?: boolean;
  /** cac makes `false` of --no-state-persistence. */
  readonly statePersistence?: boolean;
  readonly startTimeout?: Word;
  readonly loadTimeout?: Word;
  readonly compat?: Word;
  readonly gate?: Word;
  readonly saveTimeout?: Word;
  readonly snapshotTimeout?: Word;
  readonly termTimeout?: Word;
  readonly json?: boolean;
  /** What follows `--`. */
  readonly "--"?: readonly string[];
}

type Run = (flags: Flags, terminal: Terminal) => Promise<number>;

const verbs: Readonly<Record<string, Run>> = {
  run: async (flags, terminal) => {
    const command = flags["--"] ?? [];
    if (command.length === 0) throw new UsageError("run needs an agent: run -- <agent…>");
    const { taskId, wantsSnapshot, coderUrl, coderToken } = readShutdownRequest(process.env);
    const coder = coderUrl !== undefined && coderToken !== undefined;
    const port = portOf(flags.port ?? process.env["ARG_AGENTAPI_PORT"]);
    const isOff = process.env["ARG_ENABLE_STATE_PERSISTENCE"] === "false";
    return runAgentApiRun(
      {
        ...namedPaths(sessionFlags(flags), process.env),
        command,
        isScript: flags.script === true,
        enableStatePersistence: flags.statePersistence !== false && !isOff,
        gate: oneOf("--gate", flags.gate, ["probe", "registry"]) ?? "probe",
        ...(port !== undefined && { port }),
        ...(flags.type !== undefined && { agentType: String(flags.type) }),
        ...(flags.binary !== undefined && { binary: String(flags.binary) }),
        ...(coder && { coder: { url: coderUrl, token: coderToken } }),
        limits: {
          ...stopLimits(flags),
          ...limit("startMs", flags.startTimeout),
          ...limit("loadMs", flags.loadTimeout),
        },
        taskId: wantsSnapshot ? taskId : undefined,
        json: flags.json === true,
      },
      terminal,
    );
  },
  status: async (flags, terminal) => {
    const paths = pathsOfSession(sessionFlags(flags), process.env);
    return runAgentApiStatus({ paths, json: flags.json === true }, terminal);
  },
  checkpoint: async (flags, terminal) => {
    const paths = pathsOfSession(sessionFlags(flags), process.env);
    const { checkpointMs: limitMs = 6000 } = stopLimits(flags);
    return runAgentApiCheckpoint({ paths, limitMs, json: flags.json === true }, terminal);
  },
  shutdown: async (flags, terminal) => {
    const { compat, gate, json = false } = flags;
    const isRegistry = oneOf("--compat", compat, ["registry"]) === "registry";
    return runAgentApiShutdown(
      {
        compat: isRegistry ? "registry" : undefined,
        gate: oneOf("--gate", gate, ["probe", "registry"]) ?? (isRegistry ? "registry" : "probe"),
        limits: stopLimits(flags),
        json,
      },
      terminal,
    );
  },
};

const sessionFlags = ({ dir, stateFile, pidFile }: Flags): SessionFlags => {
  const text = (word: Word | undefined): string | undefined =>
    word === undefined ? undefined : String(word);
  return { dir: text(dir), stateFile: text(stateFile), pidFile: text(pidFile) };
};

const portOf = (word: Word | undefined): number | undefined => {
  if (word === undefined || word === "") return undefined;
  const port = Number(word);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError(`"${word}" is no port`);
  }
  return port;
};

const stopLimits = (flags: Flags): StopLimits => ({
  ...limit("checkpointMs", flags.saveTimeout),
  ...limit("snapshotMs", flags.snapshotTimeout),
  ...limit("termMs", flags.termTimeout),
});

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
      "run -- <agent…>: supervise one; status, checkpoint; shutdown: as the script of coder/registry, verified",
    )
    .option("--dir <folder>", "The session's folder (default: $HOME/$ARG_MODULE_DIR_NAME)")
    .option("--state-file <path>", "agentapi's state (default: <folder>/state.json)")
    .option("--pid-file <path>", "Its PID file (default: <folder>/agentapi.pid)")
    .option("--port <number>", "run: its port (default: 3284)")
    .option("--type <agent>", "run: the type of the agent (default: agentapi guesses)")
    .option("--binary <path>", "run: the program (default: agentapi on PATH)")
    .option("--script", "run: what follows -- is a script that starts agentapi itself")
    .option("--no-state-persistence", "run: agentapi neither saves nor loads its state")
    .option("--start-timeout <time>", "run: until it answers (default: 15s)")
    .option(
      "--load-timeout <time>",
      "run: until it is said that the agent is not ready (default: 30s)",
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
    .example("$ taskwal agentapi status --dir ./session")
    .action((verb: Word, flags: Flags) => {
      const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
      if (!run) throw new UsageError(`agentapi has no verb "${verb}"`);
      return run(flags, terminal);
    });
};
