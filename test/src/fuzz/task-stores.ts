/** Stores of tasks for the fuzzers, as files: the bundled crashed example, and one of two lives with older copies. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { openTaskStore, type OpenTaskStoreOptions } from "taskwal";
import { repository } from "../documents.ts";
import type { Undamaged } from "./directory-harm.ts";

const storeOf = (files: Map<string, Buffer>, older: Undamaged["older"]): Undamaged => {
  const { store } = JSON.parse(files.get("LOCK")?.toString() ?? "") as { store: string };
  return { files, older, storeId: store };
};

/** The files of a real directory, by their names in it. */
export const filesIn = (dir: string): Map<string, Buffer> => {
  const names = readdirSync(dir, { recursive: true, encoding: "utf8" }).toSorted();
  const files = names.filter((name) => statSync(join(dir, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(dir, name))]));
};

export const crashedExample = (): Undamaged =>
  storeOf(filesIn(join(repository, "packages/taskwal/example-crashed")), new Map());

const dir = "/state";

const filesOn = (sim: SimDisk): Map<string, Buffer> =>
  new Map(
    sim
      .listRaw()
      .filter((path) => path.startsWith(`${dir}/`))
      .map((path) => [path.slice(dir.length + 1), Buffer.from(sim.readRaw(path))]),
  );

/** Ends as a process does that is killed: the last things are in the log alone. */
export const killedStore = async (): Promise<Undamaged> => {
  const sim = createSimDisk({ seed: 1 });
  const open = (): ReturnType<typeof openTaskStore> => openTaskStore(optionsOn(sim));
  const first = await open();
  await first.create({ id: "6f", description: "one", tool: "T" }, { actor: "a" });
  await first.log("6f", { level: "info", type: "output", message: "begun" });
  await first.snapshot();
  const older = new Map([...filesOn(sim)].map(([name, bytes]) => [name, [bytes]]));
  await first.create({ id: "70", description: "two", tool: "T" });
  await first.update("6f", { status: "in_progress" });
  await first.close();
  const second = await open();
  await second.update("6f", { status: "failed", error: "no" }, { actor: "b" });
  await second.snapshot();
  await second.delete("70");
  await second.log("6f", { level: "error", type: "output", message: "again" });
  await second.update("6f", { status: "completed" });
  const files = filesOn(sim);
  await second.close();
  return storeOf(files, older);
};

const optionsOn = (sim: SimDisk): OpenTaskStoreOptions => ({
  dir,
  disk: sim.process("tasks"),
  segmentBytesMax: 900,
  autosaveMs: Infinity,
});
