/**
 * An agentapi run by a test, the real one or the fake: started in a folder of its own, asked, signalled.
 *
 * The rule: the same for both. Nothing that was started outlives its test, whatever the test did.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createEventStreamReader, type StreamEvent } from "@taskwal/agentapi-bridge";

import { capturesPath } from "./agentapi-captures.ts";
import type { SomeToggles } from "./fake-toggles.ts";

export type Release = "0.11.8" | "0.12.0" | "0.12.1";

export interface Program {
  readonly name: string;
  readonly release: Release;
  /** What comes before `server`. */
  readonly command: readonly string[];
  /** Undefined for the real one. */
  readonly toggles?: SomeToggles;
}

/** The compiled fake: tests run from the sources, their child processes do not. */
const fakePath = resolve("test/dist/test/src/agentapi/fake-agentapi.js");
const demoAgentPath = resolve("test/src/agentapi/demo-agent.mjs");

/** How much faster a fake waits: enough for its whole contract in a few seconds. */
const fakePace = 10;

export const fakeProgram = (release: Release, toggles: SomeToggles = {}): Program => ({
  name: `the fake ${release}`,
  release,
  command: [process.execPath, fakePath],
  toggles: { pace: fakePace, release, ...toggles },
});

/** How long something takes that takes the real program so long. */
export const paced = (program: Program, realMs: number): number =>
  realMs / (program.toggles?.pace ?? 1);

/** At the pace of the real one: for what must be seen before it is over, on a machine that is slow itself. */
export const unhurried = (program: Program): Program =>
  program.toggles ? { ...program, toggles: { ...program.toggles, pace: 1 } } : program;

export interface StartOptions {
  readonly agent?: readonly string[];
  /** The mode of the demo agent; its replies are those of the captured conversation. */
  readonly mode?: string;
  /** Content of the state file before the start, "folder" for one in its place; `null` for no flags of state. */
  readonly state?: Buffer | "folder" | null;
  /** Content of the PID file before the start. */
  readonly pidText?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** Whether the standard input stays open. Default: there is none. */
  readonly stdin?: "ignore" | "pipe";
  /** Where the log goes. Default: a file. */
  readonly stdout?: "file" | "pipe";
  /** The name of that file. Default: "stdout.log". */
  readonly stdoutName?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const started = new Set<ChildProcess>();
const folders = new Set<string>();
const ports = new Set<number>();

/** For `afterAll`: kills what still runs, and removes the folders. Agents end with their terminal, or their standard input. */
export const endAll = (): void => {
  for (const child of started) killGroup(child);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
};

const killGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return;
  for (const target of [pid, -pid]) {
    try {
      process.kill(target, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
};

export const freePort = async (): Promise<number> => {
  for (;;) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    await new Promise((done) => server.close(done));
    const port = typeof address === "object" && address ? address.port : 0;
    if (port === 0 || ports.has(port)) continue;
    ports.add(port);
    return port;
  }
};

export const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "taskwal-agentapi-"));
  folders.add(folder);
  return folder;
};

export class RunningAgentApi {
  readonly folder: string;
  readonly port: number;
  readonly stateFile: string;
  readonly pidFile: string;
  readonly logFile: string;
  /** The program and its words. */
  readonly commandLine: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly child: ChildProcess;
  /** Exit code and signal, once it has ended. */
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;

  constructor(program: Program, folder: string, port: number, options: StartOptions) {
    this.folder = folder;
    this.port = port;
    this.stateFile = join(folder, "agentapi-state.json");
    this.pidFile = join(folder, "agentapi.pid");
    this.logFile = join(folder, options.stdoutName ?? "stdout.log");
    if (options.state === "folder") mkdirSync(this.stateFile);
    else if (options.state) writeFileSync(this.stateFile, options.state);
    if (options.pidText !== undefined) writeFileSync(this.pidFile, options.pidText);
    this.commandLine = [...program.command, ...this.#words(program, options)];
    this.environment = {
      PATH: process.env["PATH"],
      HOME: folder,
      TMPDIR: folder,
      FAKE_AGENTAPI: JSON.stringify(program.toggles ?? {}),
      FAKE_AGENTAPI_CAPTURES: capturesPath,
      ...options.env,
    };
    const [file = "", ...words] = this.commandLine;
    const log = (path: string): number => openSync(path, "a");
    this.child = spawn(file, words, {
      cwd: folder,
      stdio: [
        options.stdin ?? "ignore",
        options.stdout === "pipe" ? "pipe" : log(this.logFile),
        log(join(folder, "stderr.log")),
      ],
      detached: true,
      env: this.environment,
    });
    started.add(this.child);
    this.ended = once(this.child, "exit").then(([code, signal]) => {
      started.delete(this.child);
      return [code as number | null, signal as NodeJS.Signals | null] as const;
    });
  }

  #words(program: Program, options: StartOptions): readonly string[] {
    const hasState = program.release !== "0.11.8" && options.state !== null;
    const replies = join(capturesPath, "states/turns-31-sigterm.json");
    const agent = ["node", demoAgentPath, options.mode ?? "answers", replies];
    return [
      "server",
      "--port",
      String(this.port),
      "--type",
      "custom",
      ...(hasState ? ["--state-file", this.stateFile, "--pid-file", this.pidFile] : []),
      ...(options.flags ?? []),
      "--",
      ...(options.agent ?? agent),
    ];
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  stdout(): string {
    return readFileSync(this.logFile, "utf8");
  }

  stderr(): string {
    return readFileSync(join(this.folder, "stderr.log"), "utf8");
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until the log says it so often. */
  async logged(message: string, times = 1): Promise<void> {
    await this.until(`the log says ${message}`, () => this.stdout().split(message).length > times);
  }

  /** Waits for a condition while the program runs; fails once it has ended, or after 30 s. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 3000; tries += 1) {
      if (await holds()) return;
      if (this.child.exitCode !== null) break;
      await sleep(10);
    }
    throw new Error(`not so: ${what}\n${this.stdout()}${this.stderr()}`);
  }

  async statusIs(status: "running" | "stable"): Promise<void> {
    await this.until(`the status is ${status}`, async () => {
      const answer = await this.ask("GET", "/status").catch(() => undefined);
      return answer?.body.includes(`"status":"${status}"`) ?? false;
    });
  }

  /** Waits for the end of a load, of one that was refused or had nothing to load too. */
  async loaded(): Promise<void> {
    await this.until("the state was loaded", () =>
      /Successfully loaded|No previous state|Failed to load/.test(this.stdout()),
    );
  }

  ask(
    method: string,
    path: string,
    { body, headers = {} }: { body?: string; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    return new Promise((done, failed) => {
      const request = httpRequest(
        {
          port: this.port,
          host: "127.0.0.1",
          method,
          path,
          agent: false,
          headers: {
            ...(body !== undefined && { "Content-Type": "application/json" }),
            ...headers,
          },
        },
        (response) => {
          const pieces: Buffer[] = [];
          response.on("data", (piece: Buffer) => pieces.push(piece));
          response.on("error", failed);
          response.on("end", () =>
            done({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(pieces).toString(),
            }),
          );
        },
      );
      request.on("error", failed);
      request.end(body);
    });
  }

  say(content: string): Promise<Answer> {
    return this.ask("POST", "/message", { body: JSON.stringify({ content, type: "user" }) });
  }

  async events(): Promise<EventsOfTest> {
    const request = httpRequest({
      port: this.port,
      host: "127.0.0.1",
      path: "/events",
      agent: false,
    });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return new EventsOfTest(response);
  }
}

/** One stream of events, as it came. */
export class EventsOfTest {
  readonly events: StreamEvent[] = [];
  readonly headers: IncomingHttpHeaders;
  /** How it ended: as a stream should, or cut off. */
  readonly ended: Promise<"end" | "cut off">;
  readonly #response: IncomingMessage;

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.headers = response.headers;
    const { push } = createEventStreamReader();
    response.on("data", (bytes: Buffer) => this.events.push(...push(bytes)));
    this.ended = new Promise((done) => {
      response.on("end", () => done("end"));
      response.on("error", () => done("cut off"));
    });
  }

  close(): void {
    this.#response.destroy();
  }
}

export const start = async (
  program: Program,
  options: StartOptions = {},
): Promise<RunningAgentApi> => {
  const port = options.port ?? (await freePort());
  return new RunningAgentApi(program, newFolder(), port, options);
};

/** Started, and its port open. */
export const startAndListen = async (
  program: Program,
  options: StartOptions = {},
): Promise<RunningAgentApi> => {
  const running = await start(program, options);
  await running.until("the port is open", () =>
    running.ask("GET", "/nothing").then(
      () => true,
      () => false,
    ),
  );
  return running;
};
