/**
 * Leaves what a run did on the real disk, in a new temporary folder, for a person to look at.
 *
 *     simulated /state/wal/…jsonl ──> <temporary folder>/taskwal-check-<random>/wal/…jsonl
 *
 * The rule: byte for byte what the simulated disk held; nothing is ever written over.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@taskwal/core";
import { openNodeDisk, type Directory } from "@taskwal/disk";
import type { SimDisk } from "@taskwal/disk/sim";
import { olderWriter } from "./older-writer.ts";
import { stateDir, type AnyModel } from "./open-run.ts";
import type { OldValue } from "./plan.ts";

/** The directory's path. */
export const leaveBehind = async (sim: SimDisk): Promise<string> => {
  const disk = openNodeDisk();
  const name = `taskwal-check-${Buffer.from(disk.randomBytes(6)).toString("hex")}`;
  const directory = await disk.createDirectory(join(tmpdir(), name));
  try {
    const paths = sim.listRaw().filter((path) => path.startsWith(`${stateDir}/`));
    for (const path of paths) {
      await write(directory, path.slice(stateDir.length + 1), sim.readRaw(path));
    }
    return directory.path;
  } finally {
    await directory.close();
  }
};

const write = async (directory: Directory, name: string, bytes: Uint8Array): Promise<void> => {
  const [folder, file] = name.split("/");
  if (folder !== undefined && file !== undefined) await directory.createFolder(folder);
  const made = await directory.create(name);
  try {
    await made.write(bytes, 0);
  } finally {
    await made.close();
  }
};

/** A store as an older version would have left it: with one record, or one entity in its snapshot. */
export const writeOldStore = async (
  sim: SimDisk,
  model: AnyModel,
  old: OldValue,
): Promise<void> => {
  const writer = olderWriter(model, old);
  const store = await openStore({
    dir: stateDir,
    model: writer.model,
    disk: sim.process(),
    autosaveMs: Infinity,
  });
  await store.transact((tx) => {
    for (const { key, type, payload } of writer.mutations) {
      (tx as unknown as Transaction)[key]?.mutate(writer.id, type, payload);
    }
  });
  if (writer.inSnapshot) await store.snapshot();
  sim.powerCut("all");
};

type Transaction = Readonly<
  Record<string, { mutate(id: string, type: string, payload: unknown): unknown }>
>;
