/**
 * The jobs of child processes: fill a store, or open one and say what that took.
 *
 *     open-items  open-tasks     ours: lock, claim, verify, fold, ready
 *     fold-sqlite                scan in order, JSON.parse, the same fold into a Map
 *     parse-log  parse-file      JSON.parse of the same bytes and nothing else: the limit
 *     read-lines  fold-history   a log as recovery reads it, without and with its reducers (bare-history.ts)
 *     hold-state                 the state alone, after a collection of garbage
 *
 * The rule: loading modules is not timed, reading the files is. Every opening says what it found, so that
 * nobody wins by finding less.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { openTaskStore, type TaskStore } from "taskwal";
import { foldHistory, readLines } from "./bare-history.ts";
import { loadSqlite, openSqlite, type SqliteModule } from "./better-sqlite3-contender.ts";
import {
  fillItems,
  fillItemsWithSnapshot,
  fillLives,
  fillSqlite,
  fillTasks,
  writeState,
} from "./fill.ts";
import { openItems } from "./item-model.ts";
import type { History } from "./item-records.ts";
import { askOffline } from "./offline-questions.ts";
import { loadPeers } from "./peers.ts";

/** What an opening took and found. */
export interface Opening {
  readonly ms: number;
  readonly peakRssBytes: number;
  /** Entities that are there afterwards. */
  readonly entities: number;
  /** Sum over their texts, in characters: equal folds have equal sums. */
  readonly textLength: number;
}

interface Texted {
  readonly text: string;
}

const opening = (startMs: number, texts: Iterable<string>): Opening => {
  const ms = performance.now() - startMs;
  const { maxRSS } = process.resourceUsage();
  let entities = 0;
  let textLength = 0;
  for (const text of texts) {
    entities += 1;
    textLength += text.length;
  }
  return { ms, peakRssBytes: maxRSS * 1_024, entities, textLength };
};

function* textsOf(items: Iterable<Texted>): Generator<string> {
  for (const { text } of items) yield text;
}

/** The process ends without closing: what was opened is a copy. */
const openItemsOnce = async (dir: string): Promise<Opening> => {
  const startMs = performance.now();
  const store = await openItems(dir, { autosaveMs: Number.POSITIVE_INFINITY });
  return opening(startMs, textsOf(store.items.all()));
};

/** Only once it is asked for: reading them all is no part of the opening. */
function* descriptionsOf(store: TaskStore): Generator<string> {
  for (const { description } of store.list()) yield description;
}

const openTasksOnce = async (dir: string): Promise<Opening> => {
  const startMs = performance.now();
  const store = await openTaskStore({ dir, mirrors: false, autosaveMs: Number.POSITIVE_INFINITY });
  return opening(startMs, descriptionsOf(store));
};

const sqliteModule = (): SqliteModule => {
  const Database = loadSqlite(loadPeers());
  if (!Database) throw new Error("better-sqlite3 is missing");
  return Database;
};

const foldSqlite = (dir: string): Opening => {
  const Database = sqliteModule();
  const startMs = performance.now();
  const db = openSqlite(Database, join(dir, "events.db"));
  const items = new Map<string, Texted>();
  const rows = db.prepare("SELECT id, type, data FROM events ORDER BY seq").raw().iterate();
  for (const [id, type, data] of rows as IterableIterator<[string, string, string]>) {
    const payload = JSON.parse(data) as Texted;
    if (type === "item.created") items.set(id, { ...payload });
    else if (type === "item.changed") items.set(id, { ...items.get(id), ...payload });
  }
  return opening(startMs, textsOf(items.values()));
};

const chunkBytes = 1 << 20;

/** Calls `take` with whole lines of a file, about a mebibyte at a time. */
const eachChunk = (path: string, take: (lines: string) => void): void => {
  const fd = openSync(path, "r");
  const buffer = Buffer.allocUnsafe(2 * chunkBytes);
  let kept = 0;
  for (;;) {
    const read = readSync(fd, buffer, kept, chunkBytes, null);
    const end = buffer.subarray(0, kept + read).lastIndexOf(0x0a) + 1;
    if (end > 0) take(buffer.toString("utf8", 0, end - 1));
    buffer.copyWithin(0, end, kept + read);
    kept += read - end;
    if (read === 0) break;
  }
  closeSync(fd);
};

/** The log's lines in joined chunks, each parsed at once and let go. */
const parseLog = (dir: string): Opening => {
  const startMs = performance.now();
  for (const name of readdirSync(join(dir, "wal")).filter((name) => name.endsWith(".jsonl"))) {
    eachChunk(join(dir, "wal", name), (lines) => JSON.parse(`[${lines.replaceAll("\n", ",")}]`));
  }
  return opening(startMs, []);
};

const parseFile = (path: string): Opening => {
  const startMs = performance.now();
  const parsed = JSON.parse(readFileSync(path, "utf8")) as { tasks: { description: string }[] };
  return opening(
    startMs,
    parsed.tasks.map(({ description }) => description),
  );
};

/** Resident after everything else was let go. */
const holdState = (path: string): { rssBytes: number; entities: number } => {
  const state = new Map<string, unknown>();
  eachChunk(path, (lines) => {
    for (const line of lines.split("\n")) {
      const item = JSON.parse(line) as { readonly id: string };
      state.set(item.id, item);
    }
  });
  for (let time = 0; time < 3; time += 1) globalThis.gc?.();
  return { rssBytes: process.memoryUsage.rss(), entities: state.size };
};

/** By name; each is given what `runInChild` was given. */
export const childJobs: Readonly<Record<string, (...facts: never[]) => unknown>> = {
  "fill-items": (dir: string, history: History) => fillItems(dir, history),
  "fill-items-with-snapshot": (dir: string, history: History) =>
    fillItemsWithSnapshot(dir, history),
  "fill-sqlite": (dir: string, history: History) =>
    fillSqlite(sqliteModule(), dir, history).close(),
  "fill-tasks": (dir: string, tasks: number, tail: number) => fillTasks(dir, tasks, tail),
  "fill-lives": fillLives,
  "write-state": (path: string, history: History) => writeState(path, history),
  "open-items": openItemsOnce,
  "open-tasks": openTasksOnce,
  "fold-sqlite": foldSqlite,
  "parse-log": parseLog,
  "parse-file": parseFile,
  "read-lines": readLines,
  "fold-history": foldHistory,
  "hold-state": holdState,
  "ask-offline": askOffline,
};
