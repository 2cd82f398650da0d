/**
 * A fake agentapi, run as a process of its own: `node fake-agentapi.js server [flags] -- <agent> [words]`.
 *
 *     flags ─ PID file ─ agent ─ server ─ signal handlers ─ port ……… signal or end of the agent
 *                                                                     └ save ─ stop ─ agent ─ PID file ─ exit
 *
 * The rule: what is seen from outside is what coder/agentapi 0.11.8, 0.12.0 or 0.12.1 shows: files, log,
 * HTTP, signals, exit codes. The contract test says so, and runs on the real program too. FAKE_AGENTAPI
 * (fake-toggles.ts) chooses the release and what goes wrong; FAKE_AGENTAPI_CAPTURES is where the captures lie.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { FakeConversation } from "./fake-conversation.ts";
import { checkServerFlags, FlagError, readServerFlags, type ServerFlags } from "./fake-flags.ts";
import { FakeHttp } from "./fake-http.ts";
import { dieOfSignal, log, writeOut } from "./fake-log.ts";
import { removePidFile, writePidFile } from "./fake-pid-file.ts";
import { createScreen, type Screen } from "./fake-screen.ts";
import { readToggles } from "./fake-toggles.ts";

const toggles = readToggles(process.env["FAKE_AGENTAPI"]);
const captures = process.env["FAKE_AGENTAPI_CAPTURES"] ?? resolve("test/fixtures/agentapi");
const savesState = toggles.release !== "0.11.8";
const closeMs = 5000 / toggles.pace;

/** Go catches what it has no handler for: a SIGUSR1 that comes too early is lost, and harmless. */
const ignoreUserSignals = (): void => {
  process.on("SIGUSR1", () => {});
  process.on("SIGUSR2", () => {});
};

const say = (text: string): void => writeOut(2, text);

/** Exits like Go: at once, whatever still waits. */
const exit = (code: number): never => process.exit(code);

const signalNames: Readonly<Record<string, string>> = {
  SIGTERM: "terminated",
  SIGINT: "interrupt",
  SIGHUP: "hangup",
};

interface Agent {
  readonly child: ChildProcess;
  /** Settles when it has ended, with its exit code. */
  readonly ended: Promise<number>;
}

const startAgent = async (words: readonly string[], screen: Screen): Promise<Agent | undefined> => {
  const [program = "", ...rest] = words;
  // The spaces are the real program's.
  log("INFO", `Running: ${program} ${rest.join(" ")}`);
  // A session of its own, as on a terminal: a signal to our group is not one to the agent's.
  const child = spawn(program, rest, {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, TERM: "vt100" },
    detached: true,
  });
  const started = await Promise.race([
    once(child, "spawn").then(() => true),
    once(child, "error").then(() => false),
  ]).catch(() => false);
  if (!started) {
    log("ERROR", `Error starting process: exec: "${program}": executable file not found in $PATH`);
    return undefined;
  }
  child.stdin?.on("error", () => {});
  child.stdout?.setEncoding("utf8").on("data", (text: string) => screen.add(text));
  const ended = once(child, "exit").then(([code]) => (typeof code === "number" ? code : 1));
  return { child, ended };
};

const closeAgent = async ({ child, ended }: Agent): Promise<void> => {
  log("INFO", "Closing process");
  child.kill("SIGINT");
  const limit = new Promise((done) => setTimeout(done, closeMs));
  await Promise.race([ended, limit]);
  child.kill("SIGKILL");
};

const runServer = async (flags: ServerFlags): Promise<void> => {
  checkServerFlags(flags);
  if (savesState && flags.pidFile !== "") writePidFile(flags.pidFile);
  const screen = createScreen(flags.termWidth);
  const agent = await startAgent(flags.agent, screen);
  // The PID file stays.
  if (!agent) return exit(1);
  let http: FakeHttp | undefined;
  const conversation = new FakeConversation({
    ...flags,
    toggles,
    screen,
    type: (keys) => agent.child.stdin?.write(keys),
    tell: (told) => http?.tell(told),
  });
  log("INFO", `Allowed hosts: ${flags.allowedHosts.join(", ")}`);
  log(
    "INFO",
    "Allowed origins: http://localhost:3284, http://localhost:3000, http://localhost:3001",
  );
  const tempDir = mkdtempSync(join(tmpdir(), "agentapi-uploads-"));
  log("INFO", "Created temporary directory for uploads", { tempDir });
  http = new FakeHttp(conversation, flags, toggles, captures);
  const removeUploads = (): void => {
    rmSync(tempDir, { recursive: true, force: true });
    log("INFO", "Cleaned up temporary directory", { tempDir });
  };
  const asked = savesState ? handleSignals(conversation) : handleOldSignals();
  log("INFO", "Starting server on port", { port: flags.port });
  try {
    await http.listen(flags.port);
  } catch {
    // An agent that ignores the hang-up is left behind.
    agent.child.kill("SIGHUP");
    if (flags.pidFile !== "") removePidFile(flags.pidFile);
    say(`failed to start server:\n  - listen tcp :${flags.port}: bind: address already in use\n`);
    return exit(1);
  }
  conversation.start();
  const endedWith = await Promise.race([asked.then(() => undefined), agent.ended]);
  conversation.stop();
  if (!savesState && endedWith === undefined) return endUnsaved(agent, removeUploads);
  await conversation.save("shutdown");
  http.endStreams();
  removeUploads();
  if (!(await http.stop(closeMs))) {
    log("ERROR", "Failed to stop HTTP server", { error: "context deadline exceeded" });
  }
  if (endedWith === undefined) await closeAgent(agent);
  if (flags.pidFile !== "") removePidFile(flags.pidFile);
  if (endedWith === undefined || endedWith === 0) return exit(toggles.exitCode ?? 0);
  const screenText = screen.tail().replaceAll("\n", "\n    ");
  say(
    `agent exited with error:\n  - ========\n    ${screenText}\n    ========:\n  - non-zero exit code:\n`,
  );
  return exit(1);
};

/** Resolves at the first signal that asks for the end; a second one kills. */
const handleSignals = (conversation: FakeConversation): Promise<void> => {
  let isSaving = false;
  let isAskedAgain = false;
  const end = { isComing: false };
  const save = async (): Promise<void> => {
    // As a channel of one: what comes during a save is one more, however often it comes.
    if (isSaving) {
      isAskedAgain = true;
      return;
    }
    isSaving = true;
    do {
      isAskedAgain = false;
      log("INFO", "Received SIGUSR1, saving state without exiting");
      await conversation.save("SIGUSR1");
    } while (isAskedAgain && !end.isComing);
    isSaving = false;
  };
  process.on("SIGUSR1", () => {
    if (!end.isComing) void save();
  });
  process.on("SIGQUIT", () => {
    say("SIGQUIT: quit\n");
    exit(2);
  });
  return new Promise((done) => {
    for (const [signal, name] of Object.entries(signalNames)) {
      process.on(signal, () => {
        if (signal === "SIGTERM" && toggles.ignoreTerm) return;
        end.isComing = true;
        for (const each of Object.keys(signalNames)) process.removeAllListeners(each);
        log("INFO", "Received shutdown signal", { signal: name });
        done();
      });
    }
  });
};

/** Before 0.12.0: SIGUSR1 means nothing, and a hang-up is not caught. */
const handleOldSignals = (): Promise<void> =>
  new Promise((done) => {
    process.on("SIGTERM", () => (toggles.ignoreTerm ? undefined : done()));
    process.on("SIGINT", () => done());
    process.on("SIGHUP", () => dieOfSignal("SIGHUP"));
  });

/** Before 0.12.0: nothing is saved, the exit code is 1, and streams are cut off. */
const endUnsaved = async (agent: Agent, removeUploads: () => void): Promise<never> => {
  await closeAgent(agent);
  removeUploads();
  const reasons = ["failed to wait for process:", "process exited with error:"];
  say(`agent exited with error:\n  - ${reasons.join("\n  - ")}\n  - waitid: no child processes\n`);
  return exit(1);
};

/** Without a prompt, everything on the standard input is one; the program waits for its end first. */
const withPromptOfInput = async (flags: ServerFlags): Promise<ServerFlags> => {
  if (flags.initialPrompt !== "" || process.stdin.isTTY) return flags;
  let initialPrompt = "";
  for await (const text of process.stdin.setEncoding("utf8")) initialPrompt += String(text);
  return { ...flags, initialPrompt: initialPrompt.trim() };
};

const main = async (words: readonly string[]): Promise<void> => {
  ignoreUserSignals();
  const [command, ...rest] = words;
  if (command === "--version") {
    writeOut(1, `agentapi version ${toggles.release}\n`);
    return exit(0);
  }
  if (command !== "server") {
    say(`unknown command ${JSON.stringify(command ?? "")} for "agentapi"\n`);
    return exit(1);
  }
  const help = () =>
    readFileSync(join(captures, `cli/server-help-v${toggles.release}.txt`), "utf8");
  try {
    const flags = readServerFlags(rest, process.env, toggles.release);
    if (flags.help) {
      writeOut(1, help());
      return exit(0);
    }
    await runServer(await withPromptOfInput(flags));
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof FlagError && message.startsWith("unknown")) {
      writeOut(1, `${message}\n`);
      say(`Error: ${message}\n${help().replace(/^[^\n]*\n\n/, "")}\n`);
    } else {
      say(`${message}\n`);
    }
    exit(1);
  }
};

await main(process.argv.slice(2));
