/**
 * The contract of a life: flags, the PID file, signals, exit codes, and what is left behind.
 *
 * The rule: what a supervisor has to know of a process that it did not write. Waits are those of the real
 * program, divided by the pace of a fake.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";

import { capture, captureText } from "./agentapi-captures.ts";
import { freePort, paced, start, startAndListen, type Program } from "./agentapi-process.ts";
import { maskJson, shapeOfLog, shapeOfStream, withoutFrames } from "./agentapi-shape.ts";
import { allReleases, type ContractCase } from "./contract-case.ts";
import { expectTold } from "./contract-http.ts";

/** Runs it to its end, for calls that serve nothing. */
const call = (program: Program, ...words: readonly string[]) => {
  const [file = "", ...rest] = [...program.command, ...words];
  const env = { PATH: process.env["PATH"], FAKE_AGENTAPI: JSON.stringify(program.toggles ?? {}) };
  return spawnSync(file, rest, { env, encoding: "utf8", timeout: 20_000 });
};

const endOf = (signal: NodeJS.Signals, log: string): ContractCase => ({
  name: `ends at ${signal} with a save, exit code 0 and no PID file`,
  run: async (program) => {
    const running = await startAndListen(program);
    await running.statusIs("stable");
    running.signal(signal);
    expect(await running.ended).toEqual([0, null]);
    expect(existsSync(running.pidFile)).toBe(false);
    expect(existsSync(running.stateFile)).toBe(true);
    expect(shapeOfLog(running.stdout())).toEqual(shapeOfLog(captureText(`logs/${log}.stdout.log`)));
  },
});

const refusal = (name: string, log: string, flags: readonly string[]): ContractCase => ({
  name,
  run: async (program) => {
    const { status, stderr } = call(program, "server", ...flags, "--", "node");
    expect(status).toBe(1);
    expect(withoutFrames(stderr).trim()).toBe(withoutFrames(captureText(`logs/${log}`)).trim());
    await Promise.resolve();
  },
});

export const lifeContract: readonly ContractCase[] = [
  {
    name: "prints its version and its flags as captured",
    releases: allReleases,
    run: async (program) => {
      const version = call(program, "--version");
      const help = call(program, "server", "--help");
      expect([version.status, version.stdout]).toEqual([
        0,
        captureText(`cli/version-v${program.release}.txt`),
      ]);
      expect([help.status, help.stdout]).toEqual([
        0,
        captureText(`cli/server-help-v${program.release}.txt`),
      ]);
      await Promise.resolve();
    },
  },
  refusal("refuses to load without a file", "flags-load-state-without-file.stderr.log", [
    "--load-state",
  ]),
  refusal("refuses to save without a file", "flags-save-state-without-file.stderr.log", [
    "--save-state=true",
  ]),
  refusal("refuses state in ACP mode", "flags-acp-with-state-file.stderr.log", [
    "--experimental-acp",
    "--state-file",
    "x.json",
  ]),
  {
    name: "refuses the flags of state before 0.12.0, as captured",
    releases: ["0.11.8"],
    run: async (program) => {
      const { status, stdout, stderr } = call(program, "server", "--state-file", "x", "--", "node");
      expect(status).toBe(1);
      expect(stdout).toBe(captureText("logs/v0.11.8-unknown-flag.stdout.log"));
      expect(stderr.trim()).toBe(captureText("logs/v0.11.8-unknown-flag.stderr.log").trim());
      await Promise.resolve();
    },
  },
  {
    name: "takes flags before variables, and an empty variable for none",
    run: async (program) => {
      const running = await startAndListen(program, {
        env: {
          AGENTAPI_STATE_FILE: "/nowhere/state.json",
          AGENTAPI_PORT: "1",
          AGENTAPI_SAVE_STATE: "",
        },
      });
      await running.statusIs("stable");
      running.signal("SIGTERM");
      expect(await running.ended).toEqual([0, null]);
      expect(existsSync(running.stateFile)).toBe(true);
    },
  },
  {
    name: "hands its own variables on to the agent",
    run: async (program) => {
      const script =
        'console.log(process.env.AGENTAPI_STATE_FILE); console.log("> "); process.stdin.resume().on("end", () => process.exit(0))';
      const running = await startAndListen(program, {
        state: null,
        agent: ["node", "-e", script],
        env: { AGENTAPI_STATE_FILE: "./leaks.json" },
      });
      await running.until("the agent has printed it", async () =>
        (await running.ask("GET", "/messages")).body.includes("./leaks.json"),
      );
    },
  },
  {
    name: "hangs with an open standard input, before its PID file, its log and its port",
    run: async (program) => {
      const running = await start(program, { stdin: "pipe" });
      await sleep(800);
      expect(running.child.exitCode).toBe(null);
      expect(existsSync(running.pidFile)).toBe(false);
      expect(running.stdout()).toBe("");
      await expect(running.ask("GET", "/status")).rejects.toThrow("ECONNREFUSED");
      running.child.stdin?.end();
      await running.logged("Starting server on port");
    },
  },
  {
    name: "writes its PID with a newline, over what is no number and over a process that is gone",
    run: async (program) => {
      for (const pidText of ["", "garbage\n", "999999999\n"]) {
        const running = await startAndListen(program, { pidText });
        expect(readFileSync(running.pidFile, "utf8")).toBe(`${running.pid}\n`);
        if (pidText.startsWith("9")) {
          await running.loaded();
          expect(shapeOfLog(running.stdout())).toEqual(
            shapeOfLog(captureText("logs/stale-pid-file.stdout.log")),
          );
        }
      }
    },
  },
  {
    name: "refuses to start beside any live process in its PID file, whatever that is",
    run: async (program) => {
      const running = await start(program, { pidText: `${process.pid}` });
      expect(await running.ended).toEqual([1, null]);
      expect(withoutFrames(running.stderr())).toBe(
        withoutFrames(captureText("logs/pid-file-of-a-live-process.stderr.log")),
      );
      expect(readFileSync(running.pidFile, "utf8")).toBe(`${process.pid}`);
    },
  },
  {
    name: "leaves a PID file that is another's by now",
    run: async (program) => {
      const running = await startAndListen(program);
      writeFileSync(running.pidFile, "4711\n");
      running.signal("SIGTERM");
      expect(await running.ended).toEqual([0, null]);
      expect(readFileSync(running.pidFile, "utf8")).toBe("4711\n");
      expect(running.stdout()).toContain("PID file belongs to another process, skipping cleanup");
    },
  },
  endOf("SIGTERM", "start-then-sigterm"),
  endOf("SIGINT", "shutdown-sigint"),
  endOf("SIGHUP", "shutdown-sighup"),
  {
    name: "ends a stream of events when it is asked to end",
    run: async (program) => {
      const running = await startAndListen(program);
      const stream = await running.events();
      running.signal("SIGTERM");
      expect(await stream.ended).toBe("end");
      expect(await running.ended).toEqual([0, null]);
    },
  },
  {
    name: "is killed by a second SIGTERM, and leaves its PID file",
    run: async (program) => {
      const running = await startAndListen(program, { mode: "ignores-sigint" });
      await running.statusIs("stable");
      running.signal("SIGTERM");
      await running.logged("Closing process");
      running.signal("SIGTERM");
      expect(await running.ended).toEqual([null, "SIGTERM"]);
      expect(readFileSync(running.pidFile, "utf8")).toBe(`${running.pid}\n`);
      // The save was the first thing it did.
      expect(existsSync(running.stateFile)).toBe(true);
    },
  },
  {
    name: "waits for an agent that ignores SIGINT, then kills it and ends with 0",
    run: async (program) => {
      const running = await startAndListen(program, { mode: "ignores-sigint" });
      await running.statusIs("stable");
      const startMs = performance.now();
      running.signal("SIGTERM");
      expect(await running.ended).toEqual([0, null]);
      expect(performance.now() - startMs).toBeGreaterThan(paced(program, 4900));
      expect(shapeOfLog(running.stdout())).toEqual(
        shapeOfLog(captureText("logs/sigterm-agent-ignores-sigint.stdout.log")),
      );
    },
  },
  {
    name: "leaves its PID file at SIGKILL, and ends with 2 at SIGQUIT",
    run: async (program) => {
      const killed = await startAndListen(program);
      killed.signal("SIGKILL");
      expect(await killed.ended).toEqual([null, "SIGKILL"]);
      const quit = await startAndListen(program);
      quit.signal("SIGQUIT");
      expect(await quit.ended).toEqual([2, null]);
      for (const each of [killed, quit]) {
        expect(readFileSync(each.pidFile, "utf8")).toBe(`${each.pid}\n`);
      }
    },
  },
  {
    name: "goes on at SIGUSR2",
    releases: allReleases,
    run: async (program) => {
      const running = await startAndListen(program);
      running.signal("SIGUSR2");
      await running.statusIs("stable");
    },
  },
  {
    name: "ends with 1 and leaves its PID file where there is no agent to start",
    run: async (program) => {
      const running = await start(program, { agent: ["no-such-agent"] });
      expect(await running.ended).toEqual([1, null]);
      expect(readFileSync(running.pidFile, "utf8")).toBe(`${running.pid}\n`);
      expect(shapeOfLog(running.stdout())).toEqual(
        shapeOfLog(captureText("logs/agent-binary-missing.stdout.log")),
      );
    },
  },
  {
    name: "ends with 1 where its port is taken",
    run: async (program) => {
      const port = await freePort();
      await startAndListen(program, { port });
      const second = await start(program, { port });
      expect(await second.ended).toEqual([1, null]);
      expect(withoutFrames(second.stderr())).toBe(
        withoutFrames(captureText("logs/port-in-use.stderr.log")),
      );
      expect(shapeOfLog(second.stdout())).toEqual(
        shapeOfLog(captureText("logs/port-in-use.stdout.log")),
      );
      expect(existsSync(second.pidFile)).toBe(false);
    },
  },
  {
    name: "shows the last screen of an agent that failed on the standard error",
    run: async (program) => {
      const running = await start(program, { mode: "crashes" });
      expect(await running.ended).toEqual([1, null]);
      expect(withoutFrames(running.stderr())).toBe(
        withoutFrames(captureText("boot-overwrite/agent-crash/stderr.log")),
      );
    },
  },
  {
    name: "holds up status and messages while an agent does not react, but no stream of events",
    run: async (program) => {
      const running = await startAndListen(program, { mode: "silent" });
      await running.statusIs("stable");
      const startMs = performance.now();
      const post = running.say("hello?");
      await sleep(paced(program, 500));
      const stream = await running.events();
      await running.until("the stream was told all", () => stream.events.length >= 2);
      const [messages] = await Promise.all([running.ask("GET", "/messages"), post]);
      expect(performance.now() - startMs).toBeGreaterThan(paced(program, 14_000));
      expect(messages.status).toBe(200);
      const answer = await post;
      expect(answer.status).toBe(500);
      expect(maskJson(answer.body)).toBe(
        maskJson(captureText("http/error-500-agent-does-not-react.body.json")),
      );
      await expectTold(running, stream, "sse/fresh-connect-during-blocked-post.sse", (events) =>
        shapeOfStream(events.slice(0, 2)).map(({ kind }) => kind),
      );
    },
  },
  {
    name: "ends with a message in flight only after a while, and cuts that request off",
    run: async (program) => {
      const running = await startAndListen(program, { mode: "silent" });
      await running.statusIs("stable");
      const post = running.say("hello?").then(
        () => "answered",
        () => "cut off",
      );
      await sleep(paced(program, 300));
      const startMs = performance.now();
      running.signal("SIGTERM");
      expect(await running.ended).toEqual([0, null]);
      expect(await post).toBe("cut off");
      expect(performance.now() - startMs).toBeGreaterThan(paced(program, 4900));
      expect(shapeOfLog(running.stdout())).toEqual(
        shapeOfLog(captureText("logs/sigterm-with-post-in-flight.stdout.log")),
      );
    },
  },
  {
    name: "dies at its next line of log once nobody reads it, without a save",
    run: async (program) => {
      const before = capture("states/turns-05.json");
      const running = await startAndListen(program, { stdout: "pipe", state: before });
      await running.statusIs("stable");
      running.child.stdout?.destroy();
      await sleep(100);
      running.signal("SIGUSR1");
      expect(await running.ended).toEqual([null, "SIGPIPE"]);
      expect(readFileSync(running.stateFile)).toEqual(before);
      expect(existsSync(running.pidFile)).toBe(true);
    },
  },
  {
    name: "ignores SIGUSR1 before 0.12.0, and saves nothing at SIGTERM, which ends it with 1",
    releases: ["0.11.8"],
    run: async (program) => {
      const running = await startAndListen(program);
      const stream = await running.events();
      await running.statusIs("stable");
      running.signal("SIGUSR1");
      await sleep(100);
      running.signal("SIGTERM");
      expect(await running.ended).toEqual([1, null]);
      expect(await stream.ended).toBe("cut off");
      expect(existsSync(running.stateFile)).toBe(false);
      const log = "logs/v0.11.8-one-turn-sigusr1-sigterm";
      expect(shapeOfLog(running.stdout())).toEqual(shapeOfLog(captureText(`${log}.stdout.log`)));
      expect(withoutFrames(running.stderr())).toBe(withoutFrames(captureText(`${log}.stderr.log`)));
      const hungUp = await startAndListen(program);
      hungUp.signal("SIGHUP");
      expect(await hungUp.ended).toEqual([null, "SIGHUP"]);
    },
  },
];
