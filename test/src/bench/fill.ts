/**
 * Fills stores before something is measured on them. Nothing here is timed.
 *
 *     items     a log of any length, and no snapshot: left as a crash leaves it
 *     tasks     a snapshot of so many tasks, and records after it
 *     sqlite    the same items as rows
 *
 * The rule: ours is filled through the public door too; many calls at once, so that it takes minutes, not hours.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTaskStore, type TaskStore } from "taskwal";
import { openSqlite, type SqliteModule } from "./better-sqlite3-contender.ts";
import { entityId } from "./contender.ts";
import { openItems, type ItemStore } from "./item-model.ts";
import { itemRecords, lastPayloads, type History } from "./item-records.ts";
import { randomFrom, randomText } from "./payload.ts";

const atOnce = 1_000;
const onDemand = { autosaveMs: Number.POSITIVE_INFINITY, mirrors: false };

/** Waits for every `atOnce` promises together. */
export class Gathering {
  #open: Promise<unknown>[] = [];

  async add(promise: Promise<unknown>): Promise<void> {
    this.#open.push(promise);
    if (this.#open.length >= atOnce) await this.settle();
  }

  async settle(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    await Promise.all(open);
  }
}

/** Plays a history into an open store. */
export const playHistory = async (store: ItemStore, history: History): Promise<void> => {
  const gathering = new Gathering();
  for (const { id, type, payload } of itemRecords(history)) {
    await gathering.add(store.items.mutate(id, type, payload.value));
  }
  await gathering.settle();
};

/** The store is not closed: that would take a snapshot. Call it in a process that ends. */
export const fillItems = async (dir: string, history: History): Promise<void> => {
  await playHistory(await openItems(dir, onDemand), history);
  if (existsSync(join(dir, "state.json"))) throw new Error("there is a snapshot after all");
};

export const fillItemsWithSnapshot = async (dir: string, history: History): Promise<void> => {
  const store = await openItems(dir, onDemand);
  await playHistory(store, history);
  await store.close();
};

export const fillSqlite = (
  Database: SqliteModule,
  dir: string,
  history: History,
  { unique = "", perTransaction = atOnce } = {},
): { readonly close: () => void } => {
  mkdirSync(dir, { recursive: true });
  const db = openSqlite(Database, join(dir, "events.db"), { unique });
  const statement = db.prepare("INSERT INTO events (at, type, id, n, data) VALUES (?, ?, ?, ?, ?)");
  const records = itemRecords(history);
  const insertSome = db.transaction(() => {
    for (let count = 0; count < perTransaction; count += 1) {
      const { done, value } = records.next();
      if (done) return;
      statement.run(Date.now(), value.type, value.id, value.n, value.payload.json);
    }
  });
  for (let stored = 0; stored < history.records; stored += perTransaction) insertSome();
  return { close: () => db.close() };
};

const statuses = ["in_progress", "failed", "pending", "completed"] as const;

/** Tasks that get log lines, states, agents and results in turn, each from one of 20 agents; closed, with a snapshot. */
export const fillLives = async (dir: string, tasks: number, records: number): Promise<void> => {
  const store = await openTaskStore({ dir, ...onDemand });
  await createTasks(store, tasks);
  const gathering = new Gathering();
  const random = randomFrom(1);
  const below = (limit: number): number => random() % limit;
  for (let turn = tasks; turn < records; turn += 1) {
    const id = entityId(below(tasks));
    const actor = `agent-${below(20)}`;
    const changes = [
      { status: statuses[below(4)] },
      { assigned_to: `agent_claude_${below(50)}` },
      { result: { turn, ok: below(2) === 0 } },
    ][turn % 4];
    await gathering.add(
      changes
        ? store.update(id, changes, { actor })
        : store.log(id, { level: "info", type: "output", message: `turn ${turn}` }, { actor }),
    );
  }
  await gathering.settle();
  await store.close();
};

/** The state that a history comes to, one item a line: for a process that holds nothing but that. */
export const writeState = (path: string, history: History): void => {
  const lines = [...lastPayloads(history)].map(([id, { value }]) =>
    JSON.stringify({ id, ...value }),
  );
  writeFileSync(path, `${lines.join("\n")}\n`);
};

const descriptionBytes = 200;

export const createTasks = async (store: TaskStore, tasks: number): Promise<void> => {
  const gathering = new Gathering();
  for (let index = 0; index < tasks; index += 1) {
    const description = randomText(descriptionBytes, index + 1);
    await gathering.add(
      store.create({ id: entityId(index), description, tool: "CLAUDECODE", status: "in_progress" }),
    );
  }
  await gathering.settle();
};

/** A snapshot, then `tail` records after it; not closed, as `fillItems`. */
export const fillTasks = async (dir: string, tasks: number, tail: number): Promise<void> => {
  const store = await openTaskStore({ dir, ...onDemand });
  await createTasks(store, tasks);
  await store.snapshot();
  const gathering = new Gathering();
  for (let index = 0; index < tail; index += 1) {
    const assigned_to = `agent_claude_${entityId(index)}`;
    await gathering.add(store.update(entityId(index % tasks), { assigned_to }));
  }
  await gathering.settle();
};
