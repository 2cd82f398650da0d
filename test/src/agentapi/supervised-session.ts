/**
 * A session of a test: a folder with an agentapi on its own path, supervised in this process or by `taskwal agentapi run`.
 *
 * The rule: nothing that was started outlives its test.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  parseConversationState,
  superviseAgentApi,
  type SupervisedAgentApi,
  type SuperviseEvent,
  type SuperviseOptions,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";

import { capturesPath } from "./agentapi-captures.ts";
import { freePort, newFolder, type Program } from "./agentapi-process.ts";
import type { SomeToggles } from "./fake-toggles.ts";

export const disk = openNodeDisk();
const demoAgentPath = resolve("test/src/agentapi/demo-agent.mjs");
const pids = new Set<number>();

/** For `afterAll`, before `endAll`. */
export const endSessions = (): void => {
  for (const pid of pids) {
    const below = disk.findDescendants(pid).map(({ identity }) => identity.pid);
    for (const each of [pid, ...below]) {
      try {
        process.kill(each, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
  }
};

export class Session {
  readonly folder: string;
  readonly port: number;
  readonly binary: string;
  readonly stateFile: string;
  readonly pidFile: string;
  readonly logFile: string;
  readonly events: SuperviseEvent[] = [];
  readonly env: Readonly<Record<string, string>>;

  readonly #program: Program;

  private constructor(folder: string, port: number, program: Program) {
    this.#program = program;
    this.folder = join(folder, "session");
    mkdirSync(this.folder, { mode: 0o700 });
    this.port = port;
    this.binary = join(folder, "agentapi");
    this.stateFile = join(this.folder, "state.json");
    this.pidFile = join(this.folder, "agentapi.pid");
    this.logFile = join(this.folder, "agentapi-start.log");
    const words = program.command.map((word) => `'${word}'`).join(" ");
    writeFileSync(this.binary, `#!/bin/sh\nexec ${words} "$@"\n`);
    chmodSync(this.binary, 0o755);
    this.env = {
      PATH: `${folder}:${process.env["PATH"] ?? ""}`,
      HOME: folder,
      TMPDIR: folder,
      FAKE_AGENTAPI: JSON.stringify(program.toggles ?? {}),
      FAKE_AGENTAPI_CAPTURES: capturesPath,
    };
  }

  static async of(program: Program): Promise<Session> {
    return new Session(newFolder(), await freePort(), program);
  }

  agent(mode = "answers"): readonly string[] {
    return ["node", demoAgentPath, mode, join(capturesPath, "states/turns-31-sigterm.json")];
  }

  async supervise(options: Partial<SuperviseOptions> = {}): Promise<SupervisedAgentApi> {
    const { env, ...others } = options;
    const supervised = await superviseAgentApi({
      command: this.agent(),
      sessionDir: this.folder,
      port: this.port,
      agentType: "custom",
      binary: this.binary,
      onEvent: (event) => this.heard(event),
      ...others,
      env: { ...this.env, ...env },
    });
    return supervised;
  }

  /** For a life in which something else goes wrong. */
  toggled(toggles: SomeToggles): Readonly<Record<string, string>> {
    const { toggles: usual } = this.#program;
    return { FAKE_AGENTAPI: JSON.stringify({ ...usual, ...toggles }) };
  }

  heard(event: SuperviseEvent): void {
    this.events.push(event);
    if ("pid" in event) pids.add(event.pid);
  }

  /** The names of the events, without what agentapi told. */
  get names(): readonly string[] {
    return this.events.map(({ event }) => event).filter((name) => name !== "told");
  }

  get saved(): readonly string[] | undefined {
    if (!existsSync(this.stateFile)) return undefined;
    const read = parseConversationState(readFileSync(this.stateFile));
    if (read.verdict === "invalid") return undefined;
    return read.state.messages.map(({ role, message }) => `${role}: ${message.trim()}`);
  }
}

export const said = ({ journal }: SupervisedAgentApi): readonly string[] =>
  journal.messages().map(({ role, message }) => `${role}: ${message.trim()}`);

/** Waits for a condition, at most 20 s. */
export const until = async (
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> => {
  for (let tries = 0; tries < 2000; tries += 1) {
    if (await holds()) return;
    await sleep(10);
  }
  throw new Error(`not so: ${what}`);
};

/** Sends, and waits for the reply. */
export const turn = async (supervised: SupervisedAgentApi, text: string): Promise<void> => {
  const before = supervised.journal.messages().length;
  const { outcome, detail } = await supervised.send(text);
  if (outcome !== "accepted") throw new Error(`${outcome}: ${detail}`);
  await until("it replied", () => supervised.journal.messages().length >= before + 2);
  await until("it is stable", () => supervised.status === "stable");
};

const taskwalPath = resolve("packages/taskwal/bin/taskwal.js");

/** `taskwal agentapi <verb> --json` of a session, as a process of its own. */
export class VerbProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** Its exit code; null for a signal. */
  readonly ended: Promise<number | null>;
  stdout = "";
  stderr = "";

  constructor(session: Session, verb: string, words: readonly string[] = [], env: Env = {}) {
    const flags = ["--dir", session.folder, "--json", ...words];
    this.child = spawn(process.execPath, [taskwalPath, "agentapi", verb, ...flags], {
      env: { ...session.env, ...env },
    });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      for (const event of this.events) {
        if (typeof event["pid"] === "number") pids.add(event["pid"]);
      }
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(this.child, "close").then(([code]) => code as number | null);
    pids.add(this.child.pid ?? 0);
  }

  /** Whole lines only. */
  get events(): readonly Readonly<Record<string, unknown>>[] {
    const lines = this.stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }

  get names(): readonly unknown[] {
    return this.events.map(({ event }) => event);
  }

  /** Waits for an event of this name. */
  async told(name: string): Promise<Readonly<Record<string, unknown>>> {
    await until(`it tells ${name}: ${this.stdout}${this.stderr}`, () => {
      if (this.names.includes(name)) return true;
      if (this.child.exitCode !== null) throw new Error(`ended: ${this.stdout}${this.stderr}`);
      return false;
    });
    return this.events.find(({ event }) => event === name) ?? {};
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

type Env = Readonly<Record<string, string>>;

export const runVerb = (
  session: Session,
  words: readonly string[] = [],
  { env = {}, command = session.agent() }: { env?: Env; command?: readonly string[] } = {},
): VerbProcess =>
  new VerbProcess(
    session,
    "run",
    ["--port", String(session.port), "--type", "custom", ...words, "--", ...command],
    env,
  );
