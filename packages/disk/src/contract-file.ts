/** The promises of open files and their locks. See contract.ts. */

import type { DiskSubject, TestRunner } from "./contract.ts";
import type { Directory, File } from "./index.ts";

const textOf = async (file: File, sizeBytes: number, startBytes = 0): Promise<string> => {
  const buffer = new Uint8Array(sizeBytes);
  const count = await file.read(buffer, startBytes);
  return new TextDecoder().decode(buffer.subarray(0, count));
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export const fileContract = (runner: TestRunner, subject: DiskSubject): void => {
  contentContract(runner, subject);
  handleContract(runner, subject);
  lockContract(runner, subject);
};

const newDirectory = async (subject: DiskSubject): Promise<Directory> =>
  subject.openDisk().createDirectory(await subject.makePath());

const contentContract = ({ describe, it, expect }: TestRunner, subject: DiskSubject): void => {
  describe("keeps bytes", () => {
    it("reads what was written, at any place, and 0 bytes at the end", async () => {
      const file = await (await newDirectory(subject)).create("note");
      await file.write(bytesOf("hello"), 0);
      await file.write(bytesOf("world"), 5);
      await file.write(bytesOf("J"), 0);
      await file.write(new Uint8Array(0), 100);
      expect(await textOf(file, 100)).toBe("Jelloworld");
      expect(await textOf(file, 4, 3)).toBe("lowo");
      expect(await textOf(file, 5, 10)).toBe("");
      expect(await textOf(file, 5, 1000)).toBe("");
      await file.close();
    });

    it("writes and reads many bytes at once", async () => {
      const file = await (await newDirectory(subject)).create("note");
      const bytes = Uint8Array.from({ length: 3_000_001 }, (_, at) => at % 251);
      await file.write(bytes, 0);
      await file.sync();
      const back = new Uint8Array(bytes.length + 10);
      expect(await file.read(back, 0)).toBe(bytes.length);
      expect(Buffer.compare(bytes, back.subarray(0, bytes.length))).toBe(0);
      await file.close();
    });

    it("shows NUL where nothing was written, also after shrinking and growing", async () => {
      const file = await (await newDirectory(subject)).create("note");
      await file.write(bytesOf("abcdef"), 0);
      await file.truncate(2);
      expect((await file.stat()).sizeBytes).toBe(2);
      await file.truncate(4);
      await file.write(bytesOf("x"), 6);
      expect(await textOf(file, 100)).toBe("ab\0\0\0\0x");
      await file.close();
    });

    it("writes through one opening what every other one reads", async () => {
      const directory = await newDirectory(subject);
      const file = await directory.create("note");
      await file.write(bytesOf("abc"), 0);
      const through = await directory.open("note", "write-through");
      await through.write(bytesOf("DEF"), 3);
      through.writeSync(bytesOf("G"), 6);
      await file.write(bytesOf("h"), 7);
      expect(await textOf(file, 100)).toBe("abcDEFGh");
      expect(await textOf(through, 100)).toBe("abcDEFGh");
      expect((await through.stat()).inode).toBe((await file.stat()).inode);
      await through.close();
      await file.close();
      await expect(directory.open("none", "write-through")).rejects.toMatchObject({
        code: "ENOENT",
      });
    });

    it("does with the synchronous calls what it does with the others", async () => {
      const file = await (await newDirectory(subject)).create("note");
      file.writeSync(bytesOf("abcdef"), 0);
      file.syncSync();
      file.truncateSync(3);
      expect(await textOf(file, 100)).toBe("abc");
      await file.close();
    });

    it("tells an edit in place by the time of the change", async () => {
      const directory = await newDirectory(subject);
      const file = await directory.create("note");
      await file.write(bytesOf("a"), 0);
      const before = await directory.stat("note");
      await subject.passTime?.(50);
      if (!subject.passTime) await new Promise((done) => setTimeout(done, 50));
      await file.write(bytesOf("b"), 0);
      const after = directory.statSync("note");
      expect(after?.modified).not.toBe(before?.modified);
      expect(after?.inode).toBe(before?.inode);
      await file.close();
    });
  });
};

const handleContract = ({ describe, it, expect }: TestRunner, subject: DiskSubject): void => {
  describe("keeps open files", () => {
    it("gives a file another inode than every other file that is open or has a name", async () => {
      const directory = await newDirectory(subject);
      const first = await directory.create("note");
      await directory.remove("note");
      const second = await directory.create("note");
      expect((await second.stat()).inode).not.toBe((await first.stat()).inode);
      expect(directory.statSync("note")?.inode).toBe((await second.stat()).inode);
      await first.close();
      await second.close();
    });

    it("works on after its name is gone", async () => {
      const directory = await newDirectory(subject);
      const file = await directory.create("note");
      await directory.remove("note");
      await file.write(bytesOf("abc"), 0);
      await file.sync();
      expect(await textOf(file, 10)).toBe("abc");
      expect((await file.stat()).links).toBe(0);
      await file.close();
    });

    it("refuses to change a file that was opened for reading", async () => {
      const directory = await newDirectory(subject);
      await (await directory.create("note")).close();
      const file = await directory.open("note", "read");
      await expect(file.write(bytesOf("a"), 0)).rejects.toThrow();
      await expect(file.truncate(0)).rejects.toThrow();
      expect(() => file.writeSync(bytesOf("a"), 0)).toThrow();
      await file.close();
    });

    it("may be closed twice, and then refuses everything else", async () => {
      const file = await (await newDirectory(subject)).create("note");
      await file.close();
      await file.close();
      await expect(file.write(bytesOf("a"), 0)).rejects.toThrow();
      await expect((async () => file.sync())()).rejects.toThrow();
      expect(() => file.syncSync()).toThrow();
    });

    it("stays usable after its directory was closed", async () => {
      const directory = await newDirectory(subject);
      const file = await directory.create("note");
      await directory.close();
      await file.write(bytesOf("a"), 0);
      expect(await textOf(file, 1)).toBe("a");
      await file.close();
    });
  });
};

const lockContract = ({ describe, it, expect }: TestRunner, subject: DiskSubject): void => {
  describe("locks files", () => {
    it("lets one open file hold the lock, until it is closed", async () => {
      const path = await subject.makePath();
      const directory = await subject.openDisk().createDirectory(path);
      const first = await directory.create("LOCK");
      const second = await directory.open("LOCK", "write");
      const third = await (await subject.openDisk().openDirectory(path)).open("LOCK", "write");
      const backend = await first.tryLock();
      expect(["fs-ext", "flock(1)", "identity"]).toContain(backend);
      if (backend !== "identity") {
        expect(await second.tryLock()).toBe(undefined);
        expect(await third.tryLock()).toBe(undefined);
        expect(await first.tryLock()).toBe(backend);
      }
      await first.close();
      expect(await third.tryLock()).toBe(backend);
      await second.close();
      await third.close();
    });

    it("lets anybody read and write a locked file", async () => {
      const directory = await newDirectory(subject);
      const holder = await directory.create("LOCK");
      await holder.tryLock();
      await holder.write(bytesOf("owner"), 0);
      const reader = await directory.open("LOCK", "read");
      expect(await textOf(reader, 10)).toBe("owner");
      await reader.close();
      await holder.close();
    });
  });
};
