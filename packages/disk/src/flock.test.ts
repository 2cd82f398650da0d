import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { File, LockBackend } from "./index.ts";
import { openNodeDisk } from "./node-disk.ts";

const scratch = mkdtempSync(join(tmpdir(), "taskwal-flock-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const openLock = async (lockBackend?: LockBackend): Promise<File> => {
  const disk = openNodeDisk(lockBackend ? { lockBackend } : {});
  return (await disk.openDirectory(scratch)).open("LOCK", "write");
};

const tries = async (lockBackend: LockBackend): Promise<LockBackend | undefined> => {
  const file = await openLock(lockBackend);
  try {
    return await file.tryLock();
  } finally {
    await file.close();
  }
};

/** The kernel backends that exist on this machine: each one is tested against each. */
const backends: LockBackend[] = [];
const commandExists = (process.env["PATH"] ?? "")
  .split(":")
  .some((at) => existsSync(`${at}/flock`));
if (commandExists) backends.push("flock(1)");
try {
  createRequire(import.meta.url)("fs-ext");
  backends.push("fs-ext");
} catch {
  // Not built here: the pairs with it are not tested.
}

beforeAll(async () => {
  await (await (await openNodeDisk().openDirectory(scratch)).create("LOCK")).close();
});

/** A process that holds the lock until it is killed; resolves once it does. */
const startHolder = (backend: LockBackend): Promise<ChildProcess> =>
  new Promise((resolve, reject) => {
    const path = join(scratch, "LOCK");
    const source =
      backend === "fs-ext"
        ? `const fd = require("fs").openSync(${JSON.stringify(path)}, "r+");
           require(${JSON.stringify(createRequire(import.meta.url).resolve("fs-ext"))}).flockSync(fd, "exnb");`
        : `const fd = require("fs").openSync(${JSON.stringify(path)}, "r+");
           const { status } = require("child_process").spawnSync("flock", ["-x", "-n", "3"],
             { stdio: ["ignore", "ignore", "ignore", fd] });
           if (status !== 0) throw new Error("not locked");`;
    const child = spawn(
      process.execPath,
      ["-e", `${source}\nprocess.stdout.write("held"); setInterval(() => {}, 1000);`],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    child.stdout.once("data", () => resolve(child));
    child.once("exit", (code) => reject(new Error(`the holder ended with ${code}`)));
  });

describe("the lock of a file", () => {
  for (const holder of backends) {
    for (const other of backends) {
      it(`held by ${holder} excludes ${other}, until it is closed`, async () => {
        const file = await openLock(holder);
        expect(await file.tryLock()).toBe(holder);
        expect(await tries(other)).toBe(undefined);
        await file.close();
        expect(await tries(other)).toBe(other);
      });

      it(`held by ${holder} in another process excludes ${other}, until that is killed`, async () => {
        const child = await startHolder(holder);
        expect(await tries(other)).toBe(undefined);
        const ended = new Promise((done) => child.once("exit", done));
        child.kill("SIGKILL");
        await ended;
        expect(await tries(other)).toBe(other);
      });
    }

    it(`taken by ${holder} is not inherited by a process that is started while it is held`, async () => {
      const file = await openLock(holder);
      await file.tryLock();
      const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
      await new Promise((done) => child.once("spawn", done));
      await file.close();
      expect(await tries(holder)).toBe(holder);
      child.kill("SIGKILL");
    });
  }

  it("is taken by the first backend that exists here, and the answer says which", async () => {
    const file = await openLock();
    expect(await file.tryLock()).toBe(
      backends.includes("fs-ext") ? "fs-ext" : (backends[0] ?? "identity"),
    );
    await file.close();
  });

  it("excludes nobody when only the identity is left, and says so", async () => {
    const file = await openLock("identity");
    expect(await file.tryLock()).toBe("identity");
    expect(await tries("identity")).toBe("identity");
    await file.close();
  });

  it("is refused, not skipped, when the forced backend does not exist", async () => {
    const before = process.env["PATH"];
    process.env["PATH"] = "/nowhere";
    try {
      await expect(tries("flock(1)")).rejects.toMatchObject({ code: "ENOTSUP" });
    } finally {
      process.env["PATH"] = before;
    }
  });
});
