/**
 * The state directories of systemprompt-code-orchestrator in test/fixtures/systemprompt, for the
 * tests of any package.
 *
 *     healthy/  after-sigkill/  after-full-disk/     what the real program left
 *     odd/<variant>/                                 three tasks of it, one changed by hand
 *
 * The rule: they are only ever read, through a Directory that throws on everything that writes.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { openNodeDisk, type Directory } from "@taskwal/disk";

/** From the root of the repository, where tests and campaigns are run: campaigns run compiled, elsewhere. */
export const fixtures = resolve("test/fixtures");
export const root = join(fixtures, "systemprompt");

/** The three tasks of every odd variant: the changed one, and two that are untouched. */
export const changedId = "3b08b364-4616-4ccf-89b4-eb8f0ac8faa4";
export const pendingId = "e14be761-6271-45f6-9254-053463de4690";
export const cancelledId = "ec364cd8-79d6-43c8-824d-d2e971b77498";

export interface FileTask {
  readonly id: string;
  readonly logs: readonly unknown[];
  readonly [field: string]: unknown;
}

export const parsed = (...path: string[]): unknown =>
  JSON.parse(readFileSync(join(root, ...path), "utf8"));

export const goodTask = (id: string): FileTask =>
  parsed("healthy", "tasks", `${id}.json`) as FileTask;

export const taskFiles = (directory: string): FileTask[] =>
  readdirSync(join(root, directory, "tasks")).map(
    (name) => parsed(directory, "tasks", name) as FileTask,
  );

// `then` is asked for wherever a directory comes out of a promise.
const reading = new Set<PropertyKey>(["path", "list", "stat", "statSync", "close", "then"]);

/** The directory, in which every operation that writes throws. */
export const readOnly = (directory: Directory): Directory =>
  new Proxy(directory, {
    get: (target, name) => {
      if (name === "open") {
        return (file: string, access: string) => {
          if (access !== "read") throw new Error(`opened ${file} for writing`);
          return target.open(file, "read");
        };
      }
      if (!reading.has(name)) throw new Error(`called ${String(name)}`);
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });

/** What `work` makes of the directory at an absolute path, opened read-only. */
export const within = async <T>(
  path: string,
  work: (directory: Directory) => Promise<T>,
): Promise<T> => {
  const directory = await openNodeDisk().openDirectory(path);
  try {
    return await work(readOnly(directory));
  } finally {
    await directory.close();
  }
};

const made: string[] = [];

/** A new directory with these files, below the system's; "name/" makes an empty folder. */
export const directoryWith = (files: Readonly<Record<string, string | Uint8Array>>): string => {
  const path = mkdtempSync(join(tmpdir(), "legacy-directory-"));
  made.push(path);
  for (const [name, content] of Object.entries(files)) {
    const folder = name.endsWith("/") ? join(path, name) : dirname(join(path, name));
    mkdirSync(folder, { recursive: true });
    if (!name.endsWith("/")) writeFileSync(join(path, name), content);
  }
  return path;
};

export const removeMade = (): void => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
};
