/**
 * Which session a verb is about: flags, before what the module tells its scripts, before what they tell agentapi.
 *
 *     --dir          $HOME/$ARG_MODULE_DIR_NAME       the folder of AGENTAPI_PID_FILE, of AGENTAPI_STATE_FILE
 *     --state-file   ARG_STATE_FILE_PATH              AGENTAPI_STATE_FILE       <dir>/state.json
 *     --pid-file     ARG_PID_FILE_PATH                AGENTAPI_PID_FILE         <dir>/agentapi.pid
 *
 * The rule: a start script that sets its environment, and nothing else, finds the session that it means.
 */
import { dirname, join } from "node:path";
import { sessionPaths, type NamedPaths, type SessionPaths } from "@taskwal/agentapi-bridge";
import { UsageError } from "./usage-error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface SessionFlags {
  readonly dir: string | undefined;
  readonly stateFile: string | undefined;
  readonly pidFile: string | undefined;
}

/** Throws UsageError where nothing names a folder. */
export const namedPaths = (flags: SessionFlags, env: Environment): NamedPaths => {
  const word = (name: string): string | undefined => env[name] || undefined;
  const stateFile = flags.stateFile ?? word("ARG_STATE_FILE_PATH") ?? word("AGENTAPI_STATE_FILE");
  const pidFile = flags.pidFile ?? word("ARG_PID_FILE_PATH") ?? word("AGENTAPI_PID_FILE");
  const moduleDir = word("ARG_MODULE_DIR_NAME");
  const named = pidFile ?? stateFile;
  const sessionDir =
    flags.dir ??
    (moduleDir && join(env["HOME"] ?? "/", moduleDir)) ??
    (named === undefined ? undefined : dirname(named));
  if (sessionDir === undefined) {
    throw new UsageError("name the session's folder: --dir <folder>, or ARG_MODULE_DIR_NAME");
  }
  return {
    sessionDir,
    ...(stateFile !== undefined && { stateFilePath: stateFile }),
    ...(pidFile !== undefined && { pidFilePath: pidFile }),
  };
};

export const pathsOfSession = (flags: SessionFlags, env: Environment): SessionPaths =>
  sessionPaths(namedPaths(flags, env));
