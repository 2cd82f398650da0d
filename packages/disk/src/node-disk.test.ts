import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it, onTestFinished } from "vitest";

import { fileSystemType } from "./file-system-types.ts";
import { openNodeDisk } from "./node-disk.ts";

const scratch = mkdtempSync(join(tmpdir(), "taskwal-node-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("the real disk", () => {
  it("never follows a symbolic link for writing, and shows it as what it is", async () => {
    const path = join(scratch, "links");
    mkdirSync(path);
    writeFileSync(join(scratch, "outside"), "kept");
    symlinkSync(join(scratch, "outside"), join(path, "note"));
    symlinkSync(join(scratch, "nowhere"), join(path, "dangling"));
    const directory = await openNodeDisk().openDirectory(path);
    await expect(directory.open("note", "write")).rejects.toMatchObject({ code: "ELOOP" });
    await expect(directory.create("dangling")).rejects.toMatchObject({ code: "EEXIST" });
    expect(await directory.stat("note")).toMatchObject({ kind: "other" });
  });

  it("says of a directory that may only be read that it cannot be written", (context) => {
    const path = mkdtempSync(join(tmpdir(), "taskwal-readable-"));
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    chmodSync(path, 0o555);
    const isRoot = process.getuid?.() === 0;
    if (isRoot && spawnSync("setpriv", ["--version"]).status !== 0) {
      context.skip("root may write everywhere, and setpriv(1) is not installed");
    }
    // Root may write everywhere: a process without its rights asks.
    const under = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
    const code = `
      const { openNodeDisk } = await import(${JSON.stringify(import.meta.resolve("../dist/index.js"))});
      const directory = await openNodeDisk().openDirectory(${JSON.stringify(path)});
      await directory.assertWritable().catch((error) => process.stdout.write(error.code));
    `;
    const node = [process.execPath, "--input-type=module", "--eval", code];
    const [command = "", ...args] = [...under, ...node];
    const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
    expect(stdout, stderr).toBe("EACCES");
  });

  it("is not closed under a write: its descriptor would be another file's by then", async () => {
    const directory = await openNodeDisk().createDirectory(join(scratch, "late"));
    const file = await directory.create("note");
    const ended: string[] = [];
    const write = file.write(Buffer.alloc(64 * 1024 * 1024), 0).then(() => ended.push("write"));
    const close = file.close().then(() => ended.push("close"));
    await Promise.all([write, close]);
    expect(ended).toEqual(["write", "close"]);
  });

  it("takes no write once it is being closed, and may be closed twice", async () => {
    const directory = await openNodeDisk().createDirectory(join(scratch, "closing"));
    const file = await directory.create("note");
    const write = file.write(Buffer.from("one"), 0);
    const close = file.close();
    await expect(file.write(Buffer.from("two"), 0)).rejects.toMatchObject({ code: "EBADF" });
    await Promise.all([write, close]);
    await expect(file.write(Buffer.from("two"), 0)).rejects.toMatchObject({ code: "EBADF" });
    await file.close();
    expect(readFileSync(join(scratch, "closing/note"), "utf8")).toBe("one");
  });

  it("creates for the owner alone, also under a umask that would allow more", async () => {
    const before = process.umask(0);
    try {
      const path = join(scratch, "open/deep");
      const directory = await openNodeDisk().createDirectory(path);
      await (await directory.create("note")).close();
      await directory.createFolder("wal");
      const modes = ["open", "open/deep", "open/deep/wal", "open/deep/note"].map(
        (name) => statSync(join(scratch, name)).mode & 0o777,
      );
      expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
    } finally {
      process.umask(before);
    }
  });

  it("opens a relative path where the process is, and keeps it when the process moves", async () => {
    const before = process.cwd();
    try {
      process.chdir(scratch);
      const directory = await openNodeDisk().createDirectory("relative");
      process.chdir("/");
      await (await directory.create("note")).close();
      expect(statSync(join(scratch, "relative/note")).size).toBe(0);
    } finally {
      process.chdir(before);
    }
  });

  it("leaves nothing on stdout and lets the process end while a timer waits", () => {
    const source = `
      import { openNodeDisk } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
      openNodeDisk().clock.schedule(60_000, () => {});`;
    const args = ["--input-type=module", "-e", source];
    expect(execFileSync(process.execPath, args, { timeout: 20_000, encoding: "utf8" })).toBe("");
  });
});

describe.runIf(process.platform === "linux")("a file that is written through", () => {
  /** The flags of this process's openings of a path, as fcntl(2) knows them. */
  const flagsOf = (path: string): number[] =>
    readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        if (readlinkSync(`/proc/self/fd/${fd}`) !== path) return [];
        const info = readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
        return Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? "", 8);
      } catch {
        // The descriptor with which the folder was listed.
        return [];
      }
    });

  it("is so by the system: opened with O_DSYNC, and no other is", async () => {
    const directory = await openNodeDisk().createDirectory(join(scratch, "through"));
    const file = await directory.create("note");
    const through = await directory.open("note", "write-through");
    const dsync = 0o10000;
    const flags = flagsOf(join(scratch, "through/note")).map((one) => one & dsync);
    expect(flags.toSorted((a, b) => a - b)).toEqual([0, dsync]);
    await file.close();
    await through.close();
  });
});

describe("a process that is held", () => {
  const run = (held: string): string => {
    const source = `
      import { openNodeDisk } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
      const { clock } = openNodeDisk();
      const release = ${held};
      await new Promise((done) => clock.schedule(100, done));
      release();
      process.stdout.write("woken");`;
    const args = ["--input-type=module", "-e", source];
    const { status, stdout } = spawnSync(process.execPath, args, {
      timeout: 20_000,
      encoding: "utf8",
    });
    return `${status} ${stdout}`;
  };

  it("lives until its timer, and ends once it is released; without a hold it ends before", () => {
    expect(run("clock.holdProcess()")).toBe("0 woken");
    expect(run("() => {}")).toBe("13 "); // Node's code for a program that ended while it awaited
  });
});

/** Runs in a child under a limit of 8 KiB per file: the system then writes short, and next EFBIG. */
const shortWrite = (call: "write" | "writeSync"): string =>
  execFileSync(
    "bash",
    [
      "-c",
      `trap '' XFSZ; ulimit -f 8; exec "$0" --input-type=module -e "$1"`,
      process.execPath,
      `import { openNodeDisk } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
       const directory = await openNodeDisk().openDirectory(${JSON.stringify(scratch)});
       const file = await directory.create("short-${call}");
       try { await file.${call}(new Uint8Array(20_000), 0); console.log("resolved"); }
       catch (error) { console.log(error.code, (await file.stat()).sizeBytes); }
       await file.close();`,
    ],
    { encoding: "utf8" },
  ).trim();

describe.runIf(process.platform === "linux")("a short write", () => {
  it("ends with the error of the system and a prefix, never as a success", () => {
    expect(shortWrite("write")).toBe("EFBIG 8192");
    expect(shortWrite("writeSync")).toBe("EFBIG 8192");
  });
});

describe("types of file systems", () => {
  it("tells networks from local ones, also when the number is sign-extended", () => {
    expect(fileSystemType(0x6969)).toEqual({ name: "nfs", network: true });
    expect(fileSystemType(0xff534d42)).toEqual({ name: "cifs", network: true });
    expect(fileSystemType(0xff534d42 | 0)).toEqual({ name: "cifs", network: true });
    expect(fileSystemType(0xef53)).toEqual({ name: "ext4", network: false });
    expect(fileSystemType(0x65735546)).toEqual({ name: "fuse", network: false });
    expect(fileSystemType(0x12345)).toEqual({ name: "type 0x12345", network: false });
  });
});
