import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openNodeDisk } from "@taskwal/disk";
import { createSimDisk } from "@taskwal/disk/sim";
import { afterEach, describe, expect, it } from "vitest";

import { judgePidOwner, parsePidFile, runsAgentApi, signalProcess } from "./pid-file.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
const start = (command: string, ...words: readonly string[]): ChildProcess & { pid: number } => {
  const child = spawn(command, words, { stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  if (child.pid === undefined) throw new Error(`${command} did not start`);
  return child as ChildProcess & { pid: number };
};
const disk = openNodeDisk();
const knowsStarts = disk.process.startTime !== "";

describe("a PID file", () => {
  it("is read where it is just a number of a process", () => {
    expect(parsePidFile("2")).toBe(2);
    expect(parsePidFile("13052\n")).toBe(13_052);
    expect(parsePidFile("2147483647\n")).toBe(2_147_483_647);
  });

  it.each([
    "",
    "\n",
    "0",
    "1",
    "1\n",
    "-1",
    "-13052",
    "+5",
    "007",
    " 5",
    "5 ",
    "5\n\n",
    "5\r\n",
    "5\n6",

    "5x",
    "0x10",
    "1e3",
    "5.0",
    "2147483648",
    "9999999999",
    "99999999999",
    "٣",
    "kill",
    "\x005",
  ])("is malformed with %j in it", (text) => {
    expect(parsePidFile(text)).toBe(undefined);
    expect(judgePidOwner(disk, text)).toEqual({ kind: "malformed" });
  });
});

describe.skipIf(!knowsStarts)("the owner of a PID", () => {
  it("is ours where the recorded process still runs", () => {
    const { pid } = start("sleep", "60");
    const recorded = disk.findProcess(pid)?.identity;
    expect(recorded).toMatchObject({ pid });
    expect(judgePidOwner(disk, `${pid}\n`, recorded)).toEqual({ kind: "ours", identity: recorded });
  });

  it("is a stranger where the PID was given out again, or is another one", () => {
    const { pid } = start("sleep", "60");
    const recorded = { ...disk.process, pid, startTime: "1" };
    expect(judgePidOwner(disk, `${pid}`, recorded)).toEqual({ kind: "stranger", pid });
    expect(judgePidOwner(disk, `${pid}`, { ...disk.process })).toEqual({ kind: "stranger", pid });
  });

  it("is ours without a record only where it runs agentapi", async () => {
    const script = "process.stdout.write('up'); setInterval(() => {}, 1e6)";
    const other = start(process.execPath, "-e", script);
    await once(other.stdout!, "data");
    expect(judgePidOwner(disk, `${other.pid}`)).toEqual({ kind: "stranger", pid: other.pid });
    // The shell sets the name that a program is started under.
    const named = start("bash", "-c", "exec -a /opt/agentapi-linux-amd64 sleep 60");
    await expect.poll(() => judgePidOwner(disk, `${named.pid}`).kind).toBe("ours");
  });

  it("is a stranger where it only has a file of such a name open", () => {
    for (const words of [
      ["less", "agentapi-start.log"],
      ["bash", "/home/coder/agentapi-start.sh"],
      ["node", "editor.js", "agentapi.ts"],
      ["vim", "/etc/agentapi"],
    ]) {
      expect(runsAgentApi(words)).toBe(false);
    }
    for (const words of [
      ["agentapi", "server"],
      ["/opt/agentapi-linux-amd64", "server"],
      ["/usr/bin/node", "/x/fake-agentapi.js", "server"],
    ]) {
      expect(runsAgentApi(words)).toBe(true);
    }
    expect(runsAgentApi([])).toBe(false);
  });

  it("is dead where none runs, and where one was killed and nobody collected it", async () => {
    const parent = start("bash", "-c", "sleep 60 & echo $!; exec sleep 60");
    const [line] = (await once(parent.stdout!, "data")) as [Buffer];
    const pid = Number(line.toString());
    // The shell has become a sleep that collects nobody once its own name says so.
    await expect.poll(() => disk.findProcess(parent.pid)?.argv[0]).toBe("sleep");
    const recorded = disk.findProcess(pid)?.identity;
    expect(judgePidOwner(disk, `${pid}`, recorded).kind).toBe("ours");
    process.kill(pid, "SIGKILL");
    await expect.poll(() => judgePidOwner(disk, `${pid}`, recorded).kind).toBe("dead");
    // The kernel still knows it: this is what a loop over `kill -0` would wait on for ever.
    expect(process.kill(pid, 0)).toBe(true);
    expect(judgePidOwner(disk, String(2 ** 30))).toEqual({ kind: "dead", pid: 2 ** 30 });
  });
});

describe("a signal", () => {
  it.skipIf(!knowsStarts)("reaches the process that was identified", async () => {
    const child = start("sleep", "60");
    const identity = disk.findProcess(child.pid)?.identity ?? disk.process;
    expect(signalProcess(disk, identity, "SIGTERM")).toBe("sent");
    expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
    expect(signalProcess(disk, identity, "SIGTERM")).toBe("gone");
  });

  it("never reaches a stranger that has the PID now", async () => {
    const child = start("sleep", "60");
    const before = { ...disk.process, pid: child.pid, startTime: "1" };
    expect(signalProcess(disk, before, "SIGKILL")).toBe("stranger");
    const elsewhere = {
      ...before,
      startTime: disk.findProcess(child.pid)?.identity.startTime ?? "",
    };
    expect(signalProcess(disk, { ...elsewhere, bootId: "another" }, "SIGKILL")).toBe("stranger");
    expect(signalProcess(disk, { ...elsewhere, pidNamespace: "pid:[7]" }, "SIGKILL")).toBe(
      "stranger",
    );
    await new Promise((done) => setTimeout(done, 100));
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  });

  it("is not sent where the system does not tell which process it is", () => {
    const blind = {
      findProcess: () => ({ identity: { ...disk.process, startTime: "" }, argv: ["agentapi"] }),
    };
    expect(signalProcess(blind, { ...disk.process, startTime: "" }, "SIGKILL")).toBe("stranger");
    expect(judgePidOwner(blind, "4711")).toEqual({ kind: "unknown", pid: 4711 });
  });

  it("is judged the same on the simulated disk", () => {
    const sim = createSimDisk({ seed: 1 });
    const [one, other] = [sim.process("agentapi"), sim.process("another")];
    expect(judgePidOwner(one, `${one.process.pid}`).kind).toBe("ours");
    expect(judgePidOwner(one, `${other.process.pid}`).kind).toBe("stranger");
    expect(judgePidOwner(one, `${other.process.pid}`, other.process).kind).toBe("ours");
    other.kill();
    expect(judgePidOwner(one, `${other.process.pid}`, other.process).kind).toBe("dead");
  });
});
