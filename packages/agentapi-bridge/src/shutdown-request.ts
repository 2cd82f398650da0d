/**
 * What the module of coder/registry tells its shutdown script: environment variables, read as the script does.
 *
 *     ARG_TASK_ID  ARG_TASK_LOG_SNAPSHOT  ARG_AGENTAPI_PORT  ARG_ENABLE_STATE_PERSISTENCE
 *     ARG_MODULE_DIR_NAME  ARG_PID_FILE_PATH  CODER_AGENT_URL  CODER_AGENT_TOKEN  HOME
 *
 * The rule: same names, same defaults; an empty variable is none. The path of the state file, which the script
 * does not need, is looked for: ARG_STATE_FILE_PATH, AGENTAPI_STATE_FILE, the words agentapi was started with,
 * then the two names that the module's folder may have it under.
 */
import { join } from "node:path";

export interface ShutdownRequest {
  readonly taskId: string | undefined;
  readonly wantsSnapshot: boolean;
  readonly port: number;
  readonly savesState: boolean;
  /** Of the module, or the session that was supervised. */
  readonly folder: string | undefined;
  readonly pidFile: string | undefined;
  /** In the order in which they are tried. */
  readonly stateFiles: readonly string[];
  readonly coderUrl: string | undefined;
  readonly coderToken: string | undefined;
}

const defaultPort = 3284;

/** A port that is none is the default one: a shutdown does what it can. */
export const readShutdownRequest = (
  env: Readonly<Record<string, string | undefined>>,
): ShutdownRequest => {
  const word = (name: string): string | undefined => env[name] || undefined;
  const moduleDir = word("ARG_MODULE_DIR_NAME");
  const folder = moduleDir && join(env["HOME"] ?? "/", moduleDir);
  const port = Number(word("ARG_AGENTAPI_PORT") ?? defaultPort);
  const named = [word("ARG_STATE_FILE_PATH"), word("AGENTAPI_STATE_FILE")];
  const usual = folder ? [join(folder, "agentapi-state.json"), join(folder, "state.json")] : [];
  return {
    taskId: word("ARG_TASK_ID"),
    wantsSnapshot: (word("ARG_TASK_LOG_SNAPSHOT") ?? "true") === "true",
    port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : defaultPort,
    savesState: word("ARG_ENABLE_STATE_PERSISTENCE") === "true",
    folder,
    pidFile: word("ARG_PID_FILE_PATH") ?? (folder && join(folder, "agentapi.pid")),
    stateFiles: [...named, ...usual].filter((path) => path !== undefined),
    coderUrl: word("CODER_AGENT_URL"),
    coderToken: word("CODER_AGENT_TOKEN"),
  };
};
