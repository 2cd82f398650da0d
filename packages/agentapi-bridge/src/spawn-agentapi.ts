/**
 * Starts an agentapi that outlives its supervisor, and whose agent knows nothing of it.
 *
 *     agentapi server --port … --state-file … --pid-file … <flags> -- <agent…>       the supervisor's way
 *     ./agentapi-start.sh …    with AGENTAPI_STATE_FILE … in its environment          a script that starts it itself
 *
 * The rule: it has no standard input (it would wait for its end), its output goes to a file (a pipe would end it with
 * its reader), and a process group of its own.
 */
import { spawnDetached } from "@taskwal/disk";
import type { DetachedProcess, Disk, ProcessIdentity } from "@taskwal/disk";

import type { AgentApiEnvironment } from "./agentapi-environment.ts";
import type { SessionPaths } from "./session-directory.ts";
import { StartError } from "./start-error.ts";

export interface Launch {
  readonly paths: SessionPaths;
  readonly environment: AgentApiEnvironment;
  readonly binary: string;
  readonly port: number;
  readonly agentType: string | undefined;
  /** The agent's words, or those of a script that starts agentapi itself. */
  readonly command: readonly string[];
  readonly isScript: boolean;
  /** Whether it has the flags of state, that of the PID file among them. */
  readonly knowsState: boolean;
  readonly loadsState: boolean;
  readonly savesState: boolean;
}

export interface Launched extends DetachedProcess {
  readonly identity: ProcessIdentity;
}

/** Throws StartError where there is no such program. */
export const spawnAgentApi = async (disk: Disk, launch: Launch): Promise<Launched> => {
  const [file, ...words] = launch.isScript ? launch.command : commandOf(launch);
  if (file === undefined) throw new StartError({ reason: "no agent was named" });
  const env = launch.isScript ? variablesOf(launch) : launch.environment.handedOn;
  const { logFile: outputFile } = launch.paths;
  try {
    const started = await spawnDetached({ command: [file, ...words], env, outputFile });
    // One that has ended already is still there until its parent has looked.
    const identity = disk.findProcess(started.pid)?.identity ?? {
      ...disk.process,
      pid: started.pid,
      startTime: "",
    };
    return { ...started, identity };
  } catch (error) {
    const { message } = error as Error;
    throw new StartError({ reason: `${file} could not be run (${message})`, cause: error });
  }
};

const commandOf = (launch: Launch): readonly string[] => {
  const { binary, port, agentType, paths, environment, command } = launch;
  const keepsState = launch.savesState || launch.loadsState;
  return [
    binary,
    "server",
    ...environment.flags,
    "--port",
    String(port),
    ...(agentType === undefined ? [] : ["--type", agentType]),
    ...(launch.knowsState ? ["--pid-file", paths.pidFile] : []),
    ...(keepsState ? ["--state-file", paths.stateFile] : []),
    ...(keepsState
      ? [`--load-state=${launch.loadsState}`, `--save-state=${launch.savesState}`]
      : []),
    ...(environment.isAcp ? ["--experimental-acp"] : []),
    "--",
    ...command,
  ];
};

/** The script's own variables, but for what the supervisor decides. */
const variablesOf = (launch: Launch): Readonly<Record<string, string | undefined>> => {
  const { environment, paths, port, agentType } = launch;
  const keepsState = launch.savesState || launch.loadsState;
  return {
    ...environment.forScript,
    AGENTAPI_PORT: String(port),
    AGENTAPI_PID_FILE: paths.pidFile,
    ...(agentType !== undefined && { AGENTAPI_TYPE: agentType }),
    AGENTAPI_STATE_FILE: keepsState ? paths.stateFile : undefined,
    AGENTAPI_LOAD_STATE: keepsState ? String(launch.loadsState) : undefined,
    AGENTAPI_SAVE_STATE: keepsState ? String(launch.savesState) : undefined,
  };
};
