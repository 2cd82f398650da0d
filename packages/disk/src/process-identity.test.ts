import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

import { describe, expect, it } from "vitest";

import type { ProcessIdentity } from "./index.ts";
import {
  findDescendants,
  findProcess,
  identifyThisProcess,
  judgeLiveness,
  parseProcStat,
} from "./process-identity.ts";
import type { ProcFiles } from "./process-identity.ts";

const statLine = (name: string, state: string, startTime: string): string =>
  `42 (${name}) ${state} 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 ${startTime} 9 9 9\n`;

/** A /proc that holds one process. */
const proc = (pid: number, state: string, startTime: string): ProcFiles => ({
  readText: (path) =>
    path === `/proc/${pid}/stat` ? statLine("node", state, startTime) : undefined,
  readLink: (path) => (path === "/proc/self" ? String(process.pid) : undefined),
  list: () => [],
});
const noProc: ProcFiles = {
  readText: () => undefined,
  readLink: () => undefined,
  list: () => [],
};

const self: ProcessIdentity = {
  pid: process.pid,
  startTime: "100",
  bootId: "boot",
  pidNamespace: "pid:[1]",
  host: "here",
};
const startOfSelf = proc(process.pid, "R", "100");
/** No Linux pid is as high. */
const noPid = 2 ** 30;

describe("the identity of a process", () => {
  it("is read past spaces and parentheses in the name of the command", () => {
    for (const name of ["node", "a b", "a) R 1 (b", "((", ") S 1 2 3"]) {
      expect(parseProcStat(statLine(name, "S", "777"))).toEqual({
        state: "S",
        parentPid: 1,
        startTime: "777",
      });
    }
    expect(parseProcStat("")).toBe(undefined);
    expect(parseProcStat("42 (node) R 1")).toBe(undefined);
  });

  it("has no boot id, namespace or start time where the system tells none", () => {
    const identity = identifyThisProcess(noProc);
    expect(identity).toMatchObject({ startTime: "", bootId: "", pidNamespace: "" });
    expect(identity.pid).toBe(process.pid);
    expect(judgeLiveness(noProc, identity, identity)).toBe("alive");
    expect(judgeLiveness(noProc, identity, { ...identity, pid: noPid })).toBe("dead");
  });
});

describe("the judgement over another process", () => {
  it("says alive for a pid that exists with the same start time, and dead with another", () => {
    expect(judgeLiveness(startOfSelf, self, self)).toBe("alive");
    expect(judgeLiveness(startOfSelf, self, { ...self, startTime: "99" })).toBe("dead");
    expect(judgeLiveness(startOfSelf, self, { ...self, startTime: "" })).toBe("alive");
  });

  it("says dead for a pid that does not exist or is none", () => {
    for (const pid of [noPid, 0, -1, 1.5, Number.NaN]) {
      expect(judgeLiveness(startOfSelf, self, { ...self, pid })).toBe("dead");
    }
  });

  it("says dead for a killed process that nobody has collected yet", () => {
    expect(judgeLiveness(proc(process.pid, "Z", "100"), self, self)).toBe("dead");
  });

  it("says alive when the start time may not be read: a doubt is no death", () => {
    expect(judgeLiveness(noProc, self, self)).toBe("alive");
  });

  it("does not look a pid up in the /proc of another namespace", () => {
    const foreign: ProcFiles = { ...proc(process.pid, "R", "5"), readLink: () => "4242" };
    expect(judgeLiveness(foreign, self, self)).toBe("alive");
  });

  it("says dead for another boot of the same host, unknown for another host", () => {
    expect(judgeLiveness(startOfSelf, self, { ...self, bootId: "older" })).toBe("dead");
    expect(judgeLiveness(startOfSelf, self, { ...self, bootId: "x", host: "there" })).toBe(
      "unknown",
    );
    expect(judgeLiveness(startOfSelf, self, { ...self, bootId: "", host: "there" })).toBe(
      "unknown",
    );
  });

  it("says unknown for another pid namespace, whose pids mean nothing here", () => {
    expect(judgeLiveness(startOfSelf, self, { ...self, pidNamespace: "pid:[2]" })).toBe("unknown");
  });

  it("still finds a process after the host was renamed: the boot id is the same", () => {
    expect(judgeLiveness(startOfSelf, self, { ...self, host: "renamed" })).toBe("alive");
  });
});

describe.runIf(process.platform === "linux")("on this machine", () => {
  const files: ProcFiles = {
    readText: (path) => {
      try {
        return readFileSync(path, "utf8");
      } catch {
        return undefined;
      }
    },
    readLink: (path) => readlinkSync(path),
    list: (folder) => readdirSync(folder),
  };

  it("takes a child for alive, and for dead once it was killed", async () => {
    const identity = identifyThisProcess(files);
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const pid = child.pid ?? 0;
    const { startTime = "" } = parseProcStat(files.readText(`/proc/${pid}/stat`) ?? "") ?? {};
    expect(judgeLiveness(files, identity, { ...identity, pid, startTime })).toBe("alive");
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await ended;
    expect(judgeLiveness(files, identity, { ...identity, pid, startTime })).toBe("dead");
  });

  it("finds what a process has started, and what that has, and nothing of others", async () => {
    const identity = identifyThisProcess(files);
    const parent = spawn("bash", ["-c", "bash -c 'sleep 61 & echo $!; wait' & echo $!; wait"]);
    const printed: number[] = [];
    while (printed.length < 2) {
      const [text] = (await once(parent.stdout, "data")) as [Buffer];
      printed.push(...text.toString().trim().split("\n").map(Number));
    }
    const pid = parent.pid ?? 0;
    const found = findDescendants(files, identity, pid);
    expect(new Set(found.map((each) => each.identity.pid))).toEqual(new Set(printed));
    for (const each of printed) expect(findProcess(files, identity, each)).toBeDefined();
    for (const each of [...printed, pid]) process.kill(each, "SIGKILL");
    expect(findDescendants(files, identity, noPid)).toEqual([]);
    expect(findDescendants(noProc, identity, process.pid)).toEqual([]);
  });
});
