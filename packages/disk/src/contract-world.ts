/** The promises of the clock, of randomness, of processes and of power cuts. See contract.ts. */

import type { DiskSubject, TestRunner } from "./contract.ts";
import { readWhole, replaceFile } from "./index.ts";
import type { Disk } from "./index.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export const worldContract = (runner: TestRunner, subject: DiskSubject): void => {
  clockContract(runner, subject);
  processContract(runner, subject);
  if (subject.powerCut) powerContract(runner, subject, subject.powerCut.bind(subject));
};

const clockContract = ({ describe, it, expect }: TestRunner, subject: DiskSubject): void => {
  const pass = async (ms: number): Promise<void> => {
    await subject.passTime?.(ms);
    if (!subject.passTime) await new Promise((done) => setTimeout(done, ms));
  };

  describe("keeps time", () => {
    it("counts monotonic milliseconds, and the date", async () => {
      const { clock } = subject.openDisk();
      const [startMs, date] = [clock.monotonicMs(), clock.now()];
      await pass(30);
      expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(25);
      expect(clock.now() - date).toBeGreaterThanOrEqual(25);
      expect(Number.isInteger(date)).toBe(true);
    });

    it("runs a task once, not before its time, and never if it was cancelled", async () => {
      const { clock } = subject.openDisk();
      const ran: string[] = [];
      const startMs = clock.monotonicMs();
      let ranAtMs = 0;
      clock.schedule(20, () => {
        ran.push("task");
        ranAtMs = clock.monotonicMs();
      });
      clock.schedule(20, () => ran.push("cancelled"))();
      clock.schedule(2 ** 33, () => ran.push("in three months"));
      await clock.yield();
      expect(ran).toEqual([]);
      await pass(80);
      await pass(80);
      expect(ran).toEqual(["task"]);
      expect(ranAtMs - startMs).toBeGreaterThanOrEqual(20);
    });

    it("yields to everything that waits already", async () => {
      const { clock } = subject.openDisk();
      const order: string[] = [];
      setImmediate(() => order.push("waited"));
      await clock.yield();
      expect(order).toEqual(["waited"]);
    });
  });
};

const processContract = ({ describe, it, expect }: TestRunner, subject: DiskSubject): void => {
  describe("knows processes", () => {
    it("gives random bytes, different ones each time", async () => {
      const disk = subject.openDisk();
      const first = disk.randomBytes(16);
      expect(first.length).toBe(16);
      expect(disk.randomBytes(16)).not.toEqual(first);
      await Promise.resolve();
    });

    it("takes itself for alive, and one of an earlier boot of this host for dead", async () => {
      const disk = subject.openDisk();
      expect(disk.isAlive(disk.process)).toBe("alive");
      // Where the system tells no boot id, only the pid decides.
      const expected = disk.process.bootId === "" ? "alive" : "dead";
      expect(disk.isAlive({ ...disk.process, bootId: "another boot" })).toBe(expected);
      await Promise.resolve();
    });

    it("says unknown for a process of another pid namespace or another machine", async () => {
      const disk = subject.openDisk();
      expect(disk.isAlive({ ...disk.process, pidNamespace: "pid:[7]" })).toBe("unknown");
      const elsewhere = { ...disk.process, host: "elsewhere", bootId: "of elsewhere" };
      expect(disk.isAlive(elsewhere)).toBe("unknown");
      await Promise.resolve();
    });

    it("finds itself by its pid, and nobody by a pid that is none", async () => {
      const disk = subject.openDisk();
      expect(disk.findProcess(disk.process.pid)?.identity).toEqual(disk.process);
      for (const pid of [2 ** 30, 0, -1, 1.5, Number.NaN]) {
        expect(disk.findProcess(pid)).toBe(undefined);
      }
      await Promise.resolve();
    });

    it("takes a recycled pid for dead", async () => {
      const disk = subject.openDisk();
      if (disk.process.startTime === "") return;
      expect(disk.isAlive({ ...disk.process, startTime: "12" })).toBe("dead");
      await Promise.resolve();
    });
  });
};

const powerContract = (
  { describe, it, expect }: TestRunner,
  subject: DiskSubject,
  powerCut: () => Promise<Disk>,
): void => {
  describe("survives a power cut", () => {
    it("keeps the directory that it created", async () => {
      const path = `${await subject.makePath()}/a/b`;
      await subject.openDisk().createDirectory(path);
      const directory = await (await powerCut()).openDirectory(path);
      expect(await directory.list(".")).toEqual([]);
    });

    it("keeps synced bytes under a synced name, and the size with them", async () => {
      const path = await subject.makePath();
      const directory = await subject.openDisk().createDirectory(path);
      await directory.createFolder("wal");
      await directory.syncFolder(".");
      const file = await directory.create("wal/1");
      await file.write(bytesOf("kept"), 0);
      await file.sync();
      await directory.syncFolder("wal");
      const after = await (await powerCut()).openDirectory(path);
      expect(await readWhole(after, "wal/1", 100)).toEqual(bytesOf("kept"));
    });

    it("keeps a replaced file whole", async () => {
      const path = await subject.makePath();
      const directory = await subject.openDisk().createDirectory(path);
      await replaceFile(directory, "HEAD", bytesOf("one"));
      await replaceFile(directory, "HEAD", bytesOf("two, longer"));
      const after = await (await powerCut()).openDirectory(path);
      expect(await readWhole(after, "HEAD", 100)).toEqual(bytesOf("two, longer"));
    });

    it("keeps the name that a directory was given", async () => {
      const path = await subject.makePath();
      const disk = subject.openDisk();
      const made = await disk.createDirectory(`${path}/made`);
      await replaceFile(made, "note", bytesOf("kept"));
      await disk.renameDirectory(`${path}/made`, `${path}/named`);
      const after = await (await powerCut()).openDirectory(`${path}/named`);
      expect(await readWhole(after, "note", 100)).toEqual(bytesOf("kept"));
    });

    it("frees every lock", async () => {
      const path = await subject.makePath();
      const directory = await subject.openDisk().createDirectory(path);
      await replaceFile(directory, "LOCK", bytesOf("owner"));
      await (await directory.open("LOCK", "write")).tryLock();
      const after = await (await powerCut()).openDirectory(path);
      expect(await (await after.open("LOCK", "write")).tryLock()).not.toBe(undefined);
    });
  });
};
