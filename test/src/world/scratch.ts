/** Real directories for a test, and a hash of everything in one. */
import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SimDisk } from "@taskwal/disk/sim";
import { afterAll } from "vitest";

/** Makes new empty directories, all of which are gone after the file's tests. */
export const scratchDirectories = (): (() => string) => {
  const root = mkdtempSync(join(tmpdir(), "taskwal-test-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return () => mkdtempSync(join(root, "state-"));
};

/** Every name below `dir` with its kind, mode and the hash of its bytes: equal trees are equal. */
export const treeOf = (dir: string, below = ""): Record<string, string> => {
  const tree: Record<string, string> = {};
  for (const name of readdirSync(join(dir, below)).toSorted()) {
    const path = join(below, name);
    const stat = lstatSync(join(dir, path));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isDirectory()) Object.assign(tree, { [path]: `folder ${mode}` }, treeOf(dir, path));
    else if (stat.isFile()) tree[path] = `${mode} ${hashOf(readFileSync(join(dir, path)))}`;
    else tree[path] = `other ${mode}`;
  }
  return tree;
};

/** The same of a simulated disk: what processes read. */
export const simTreeOf = (sim: SimDisk): Record<string, string> =>
  Object.fromEntries(sim.listRaw().map((path) => [path, hashOf(sim.readRaw(path))]));

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
