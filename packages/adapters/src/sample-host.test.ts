/** Hosts of the drop-in on a simulated disk, for its tests, and what they were told. */
import { createSimDisk, type SimDisk, type SimProcess } from "@taskwal/disk/sim";
import { openTaskStore } from "@taskwal/tasks";
import { expect, test } from "vitest";
import type { PersistenceEvents } from "./persistence-events.ts";
import { StatePersistence, type PersistenceConfig } from "./state-persistence.ts";
import type { WholeTask } from "./whole-task.ts";

export const basePath = "/state";
export const backupPath = "/other/state";
const time = "2025-01-01T00:00:00.000Z";

export const task = (id: string, more: Partial<WholeTask> = {}): WholeTask => ({
  id,
  description: "d",
  status: "pending",
  tool: "CLAUDECODE",
  created_at: time,
  updated_at: time,
  logs: [],
  ...more,
});

export const stateOf = (...tasks: WholeTask[]) => ({
  tasks,
  sessions: [],
  metrics: { total_tasks: 0, completed_tasks: 0, failed_tasks: 0, average_completion_time: 0 },
  last_saved: time,
});

type Told = [name: keyof PersistenceEvents, ...facts: unknown[]];

export const names = [
  "state:saved",
  "state:loaded",
  "state:save-error",
  "autosave:triggered",
  "shutdown:save",
  "state:corruption",
  "state:recovered",
  "backup:created",
  "disk:full",
  "poisoned",
  "closed",
  "backup-location:used",
  "backup-location:returned",
  "backup-location:failed",
  "state:held",
] as const;

export interface Host {
  readonly sim: SimDisk;
  readonly disk: SimProcess;
  readonly persistence: StatePersistence;
  readonly told: Told[];
  /** The names of what was told, once each. */
  readonly heard: () => Set<string>;
}

export const host = (
  sim = createSimDisk({ realTurns: true }),
  config: PersistenceConfig = {},
): Host => {
  const disk = sim.process("host");
  const persistence = new StatePersistence({ basePath, disk, ...config });
  const told: Told[] = [];
  for (const name of names) {
    persistence.on(name, (...facts: unknown[]) => void told.push([name, ...facts]));
  }
  return { sim, disk, persistence, told, heard: () => new Set(told.map(([name]) => name)) };
};

export const idsAt = async (sim: SimDisk, dir: string): Promise<string[]> => {
  const store = await openTaskStore({ dir, disk: sim.process("reader"), readOnly: true });
  const ids = store.list().map(({ id }) => id);
  await store.close();
  return ids;
};

export const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test("a host loads what it saved", async () => {
  const { persistence } = host();
  await persistence.saveTask(task("a"));
  expect(await persistence.loadTasks()).toEqual([task("a")]);
  await persistence.shutdown();
});
