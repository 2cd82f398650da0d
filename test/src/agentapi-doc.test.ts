/**
 * docs/agentapi.md tells the truth: its examples run, its tables are the code's, the tests that it names are there.
 */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import {
  endAll,
  fakeProgram,
  newFolder,
  startAndListen,
  type RunningAgentApi,
} from "./agentapi/agentapi-process.ts";
import { startFakeCoder, type FakeCoder } from "./agentapi/fake-coder.ts";
import { moduleEnvironment } from "./agentapi/shutdown-command.ts";
import { endSessions, Session } from "./agentapi/supervised-session.ts";
import { survivalContract } from "./agentapi/survival-contract.ts";
import { upstreamContract } from "./agentapi/upstream-contract.ts";
import { codeBlock, codeSpans, repository, section, tableRows, textOf } from "./documents.ts";

const document = textOf("docs/agentapi.md");
const coders: FakeCoder[] = [];
afterAll(async () => {
  endSessions();
  endAll();
  for (const coder of coders) await coder.close();
});

/** What a program prints, and its exit code. */
const run = async (
  command: readonly [string, ...string[]],
  options: {
    readonly input?: string;
    readonly env: Readonly<Record<string, string>>;
    readonly cwd?: string;
  },
): Promise<{ readonly code: number | null; readonly printed: readonly string[] }> => {
  const [file, ...words] = command;
  const child = spawn(file, words, {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"], ...options.env },
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  child.stderr.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  child.stdin.end(options.input);
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, printed: text.trimEnd().split("\n") };
};

const started = async (): Promise<{ running: RunningAgentApi; coder: FakeCoder }> => {
  const coder = await startFakeCoder();
  coders.push(coder);
  const running = await startAndListen(fakeProgram("0.12.1"));
  await running.statusIs("stable");
  return { running, coder };
};

describe("docs/agentapi.md", () => {
  const replacing = section(document, "## Replace the module's shutdown script");

  test("its program that supervises runs as printed", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const coder = await startFakeCoder();
    coders.push(coder);
    const { printed } = await run([process.execPath, "--input-type=module"], {
      // Where the bridge is an installed package, as for any user.
      cwd: join(repository, "test"),
      input: codeBlock(document, "js")
        .replace('["claude"]', JSON.stringify(session.agent()))
        .replace(".my-module", "session"),
      env: {
        ...session.env,
        AGENTAPI_PORT: String(session.port),
        AGENTAPI_TYPE: "custom",
        ARG_TASK_ID: "a-task",
        CODER_AGENT_URL: coder.url,
        CODER_AGENT_TOKEN: "a-token",
      },
    });
    expect(printed).toEqual(["accepted", "posted terminated"]);
    expect(coder.taken[0]?.messages[1]?.content).toBe("What did you change?");
    expect(session.saved).toContain("user: What did you change?");
  });

  test("its program that only ends one runs as printed", async () => {
    const { running, coder } = await started();
    const { printed } = await run([process.execPath, "--input-type=module"], {
      cwd: join(repository, "test"),
      input: codeBlock(section(document, "### The end alone"), "js"),
      env: { ...moduleEnvironment(running, coder), ARG_STATE_FILE_PATH: running.stateFile },
    });
    expect(printed).toEqual(["accepted", "verified posted terminated", "agent user agent"]);
    expect(await running.ended).toEqual([0, null]);
    expect(coder.taken[0]?.messages[1]?.content).toBe("What did you change?");
  });

  test("its command runs as printed, in the place of the script", async () => {
    const { running, coder } = await started();
    const programs = newFolder();
    const taskwal = join(programs, "taskwal");
    const path = join(repository, "packages/taskwal/bin/taskwal.js");
    writeFileSync(taskwal, `#!/bin/sh\nexec ${process.execPath} ${path} "$@"\n`);
    chmodSync(taskwal, 0o755);
    const script = codeBlock(replacing, "sh")
      .replace("3284", String(running.port))
      .replace(".my-module", basename(running.folder));
    const { code, printed } = await run(["bash", "-c", script], {
      env: {
        PATH: `${programs}:${process.env["PATH"]}`,
        HOME: dirname(running.folder),
        TASK_ID: "a-task",
        CODER_AGENT_URL: coder.url,
        CODER_AGENT_TOKEN: "a-token",
      },
    });
    expect([code, printed.at(0), printed.at(-1)]).toEqual([
      0,
      "Shutting down AgentAPI",
      "Shutdown complete",
    ]);
    expect(printed).toContain("Log snapshot posted successfully");
    expect(await running.ended).toEqual([0, null]);
  });

  test("its exit codes are the command's", () => {
    const source = textOf("packages/taskwal/src/exit-codes.ts");
    const codes = [
      ...source.matchAll(/^ {2}(?:unsaved|unposted|killed|stillRunning|notStarted): (\d+),$/gm),
    ];
    const rows = tableRows(replacing).map(([code = ""]) => code);
    expect(rows.filter((code) => /^\d+$/.test(code))).toEqual([
      "0",
      ...codes.map(([, code]) => code),
    ]);
  });

  test("its options are the command's, with their defaults", () => {
    const source = textOf("packages/taskwal/src/agentapi-verbs.ts");
    const options = [
      ...source.matchAll(
        /option\(\s*"(--[a-z-]+)[^"]*",\s*"[^"]*?(?:\(default: (\w+)\))?",?\s*\)/g,
      ),
    ];
    expect(options.length).toBeGreaterThan(12);
    const rows = tableRows(document);
    for (const [, name = "", byDefault] of options) {
      expect(document, name).toContain(name);
      const row = rows.find(([first = ""]) => codeSpans(first)[0] === name);
      if (row && byDefault) expect(row[1]?.replaceAll("`", ""), name).toBe(byDefault);
    }
  });

  test("its variables are those that are read", () => {
    const source = textOf("packages/agentapi-bridge/src/shutdown-request.ts");
    const read = [...source.matchAll(/word\("(\w+)"\)/g)].map(([, name]) => name);
    const told = tableRows(replacing).flatMap(([first = ""]) => codeSpans(first));
    // What agentapi itself was started with is looked for, and is no variable of the module.
    const expected = read.filter((name) => name !== "AGENTAPI_STATE_FILE");
    expect(new Set(told.filter((name) => /^[A-Z_]+$/.test(name)))).toEqual(new Set(expected));
  });
});

describe("the tests that docs/agentapi.md names", () => {
  const cited = [...document.matchAll(/`([\w-]+\.ts)` › `([^`]+)`/g)].map(
    ([, file = "", name = ""]) => ({ file, name }),
  );
  const folders = ["test/src/agentapi", "packages/agentapi-bridge/src"];
  const contracts = new Set([...upstreamContract, ...survivalContract].map(({ name }) => name));

  test.each(cited)("exists: $file › $name", ({ file, name }) => {
    if (file.endsWith("-contract.ts")) return expect(contracts).toContain(name);
    const folder = folders.find((each) => existsSync(join(repository, each, file)));
    const source = textOf(join(folder ?? "", file));
    expect(source.includes(`"${name}"`), `${folder}/${file}`).toBe(true);
  });

  test("are all of upstream's that are here", () => {
    const names = new Set(cited.map(({ name }) => name));
    for (const { name } of upstreamContract) expect(names).toContain(name);
  });
});
