/**
 * better-sqlite3 with WAL and synchronous=FULL, which syncs the WAL at every commit: the same promise as ours.
 *
 *     autocommit                  one INSERT, one transaction, one sync
 *     transactions of 1,000       one sync for a thousand rows, for a program that has them all at hand
 *
 * The rule: the record's columns and no index besides the sequence; the statement is prepared once. What
 * was asked for is read back, so that a build that ignores it is not measured.
 */
import { join } from "node:path";
import { entityId, type Contender } from "./contender.ts";
import type { Payload } from "./payload.ts";
import type { Peers } from "./peers.ts";

export interface Statement {
  run(...values: unknown[]): unknown;
  raw(): Statement;
  iterate(): IterableIterator<unknown[]>;
}

export interface Sqlite {
  pragma(text: string, options?: { simple: boolean }): unknown;
  exec(sql: string): void;
  prepare(sql: string): Statement;
  transaction<Arguments extends unknown[]>(
    work: (...values: Arguments) => void,
  ): (...values: Arguments) => void;
  close(): void;
}

export type SqliteModule = new (path: string) => Sqlite;

export const openSqlite = (
  Database: SqliteModule,
  path: string,
  { unique = "" }: { readonly unique?: string } = {},
): Sqlite => {
  const db = new Database(path);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  const mode = db.pragma("journal_mode", { simple: true });
  const synchronous = db.pragma("synchronous", { simple: true });
  if (mode !== "wal" || synchronous !== 2) {
    throw new Error(
      `SQLite is at journal_mode ${String(mode)}, synchronous ${String(synchronous)}`,
    );
  }
  db.exec(
    `CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL,
       id TEXT NOT NULL, n INTEGER NOT NULL, data TEXT NOT NULL${unique})`,
  );
  return db;
};

const insert = "INSERT INTO events (at, type, id, n, data) VALUES (?, ?, ?, ?, ?)";

const open = (
  Database: SqliteModule,
  dir: string,
  callers: number,
): { db: Sqlite; append: (caller: number, payload: Payload) => void } => {
  const db = openSqlite(Database, join(dir, "events.db"));
  const statement = db.prepare(insert);
  const ids = Array.from({ length: callers }, (_, caller) => entityId(caller));
  const counts = ids.map(() => 0);
  const append = (caller: number, { json }: Payload): void => {
    const n = (counts[caller] ?? 0) + 1;
    counts[caller] = n;
    statement.run(Date.now(), "item.changed", ids[caller], n, json);
  };
  return { db, append };
};

export const loadSqlite = (peers: Peers): SqliteModule | undefined =>
  peers.load("better-sqlite3") as SqliteModule | undefined;

export const betterSqlite3Contender = (peers: Peers): Contender[] => {
  const Database = loadSqlite(peers);
  return Database
    ? [
        {
          name: "better-sqlite3, autocommit",
          async open(dir, callers) {
            const { db, append } = open(Database, dir, callers);
            return { append, close: () => db.close() };
          },
        },
      ]
    : [];
};

const perTransaction = 1_000;

export const betterSqlite3TransactionsContender = (peers: Peers): Contender[] => {
  const Database = loadSqlite(peers);
  return Database
    ? [
        {
          name: "better-sqlite3, transactions of 1,000",
          weaker: "the thousand callers must know each other: it is one call, all or nothing",
          async open(dir) {
            const { db, append } = open(Database, dir, perTransaction);
            const appendAll = db.transaction((payload: Payload) => {
              for (let caller = 0; caller < perTransaction; caller += 1) append(caller, payload);
            });
            return {
              recordsPerCall: perTransaction,
              append: (_caller, payload) => appendAll(payload),
              close: () => db.close(),
            };
          },
        },
      ]
    : [];
};
