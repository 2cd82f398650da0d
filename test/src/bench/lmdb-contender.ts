/**
 * lmdb in both ways in which a put is on the disk before it is acknowledged.
 *
 *     flushed           the default, overlapping syncs: committed first, then `flushed` of that very commit
 *     sync in commit    overlappingSync off: the put's own promise comes after the sync
 *
 * The rule: rows compare with each of them, and whoever looks for the stronger peer takes the faster. Both
 * gather what is put in one turn of the event loop into one transaction, as ours does. Keys ascend, which
 * suits a B-tree best; the payload is stored as the bytes it is, without another encoding.
 */
import { join } from "node:path";
import type { Contender } from "./contender.ts";
import type { Peers } from "./peers.ts";

interface Put extends Promise<boolean> {
  /** There with `separateFlushed`. */
  readonly flushed?: Promise<void>;
}

interface Lmdb {
  put(key: number, value: string): Put;
  close(): Promise<void>;
}

interface LmdbModule {
  open(options: Readonly<Record<string, unknown>>): Lmdb;
}

const ways = [
  {
    name: "lmdb, flushed",
    options: { overlappingSync: true, separateFlushed: true },
    durable: async (put: Put): Promise<void> => {
      if (!put.flushed) throw new Error("lmdb does not tell when this commit is flushed");
      await put;
      await put.flushed;
    },
  },
  {
    name: "lmdb, sync in commit",
    options: { overlappingSync: false },
    durable: (put: Put): Promise<unknown> => put,
  },
];

export const lmdbContenders = (peers: Peers): Contender[] => {
  const lmdb = peers.load("lmdb") as LmdbModule | undefined;
  if (!lmdb) return [];
  return ways.map(({ name, options, durable }) => ({
    name,
    async open(dir) {
      const db = lmdb.open({
        ...options,
        path: join(dir, "db"),
        keyEncoding: "uint32",
        encoding: "string",
        compression: false,
      });
      let key = 0;
      return {
        append: (_caller, { json }) => durable(db.put((key += 1), json)),
        close: () => db.close(),
      };
    },
  }));
};
