/**
 * A verb of `taskwal agentapi` as a process of its own, beside an agentapi and a Coder of a test.
 *
 * The rule: it is told what the registry's scripts are told, by the environment, and nothing else.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";

import type { RunningAgentApi } from "./agentapi-process.ts";
import type { FakeCoder } from "./fake-coder.ts";

const taskwalPath = resolve("packages/taskwal/bin/taskwal.js");

export interface VerbRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class AgentApiVerb {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<VerbRun>;
  stdout = "";
  stderr = "";

  constructor(
    verb: string,
    env: Readonly<Record<string, string>>,
    words: readonly string[],
    cwd?: string,
  ) {
    this.child = spawn(process.execPath, [taskwalPath, "agentapi", verb, ...words], {
      cwd,
      env: { PATH: process.env["PATH"], ...env },
    });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(this.child, "close").then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Waits until it has printed this. */
  async printed(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      if (this.child.exitCode !== null)
        throw new Error(`not printed: ${text}\n${this.stdout}${this.stderr}`);
      await Promise.race([once(this.child.stdout, "data"), this.ended]);
    }
  }
}

export class ShutdownProcess extends AgentApiVerb {
  constructor(env: Readonly<Record<string, string>>, words: readonly string[]) {
    super("shutdown", env, words);
  }
}

/** What the module sets for an agentapi whose folder is the module's. */
export const moduleEnvironment = (
  running: RunningAgentApi,
  coder: FakeCoder | undefined,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> => ({
  HOME: dirname(running.folder),
  ARG_MODULE_DIR_NAME: basename(running.folder),
  ARG_TASK_ID: "test-task",
  ARG_AGENTAPI_PORT: String(running.port),
  ARG_ENABLE_STATE_PERSISTENCE: "true",
  ...(coder && { CODER_AGENT_URL: coder.url, CODER_AGENT_TOKEN: "test-token" }),
  ...more,
});

/** A state file of so many messages, agent's and user's in turn, that ends with the agent's. */
export const stateOf = (...contents: readonly string[]): Buffer => {
  const messages = contents.map((message, id) => ({
    id,
    message,
    role: (contents.length - id) % 2 === 1 ? "agent" : "user",
    time: "2026-01-01T00:00:00Z",
  }));
  const state = { version: 1, messages, initial_prompt: "", initial_prompt_sent: false };
  return Buffer.from(`${JSON.stringify(state)}\n`);
};

export const savedMessages = ({ stateFile }: RunningAgentApi): readonly string[] => {
  const { messages } = JSON.parse(readFileSync(stateFile, "utf8")) as {
    messages: { message: string }[];
  };
  return messages.map(({ message }) => message.trim());
};
