/** classic-level (LevelDB) with `sync: true` on every put: on the disk before it is acknowledged. Keys ascend. */
import { join } from "node:path";
import type { Contender } from "./contender.ts";
import type { Peers } from "./peers.ts";

interface Level {
  open(): Promise<void>;
  put(key: string, value: string, options: { readonly sync: boolean }): Promise<void>;
  close(): Promise<void>;
}

interface LevelModule {
  readonly ClassicLevel: new (path: string, options?: Readonly<Record<string, unknown>>) => Level;
}

export const classicLevelContender = (peers: Peers): Contender[] => {
  const level = peers.load("classic-level") as LevelModule | undefined;
  if (!level) return [];
  return [
    {
      name: "classic-level, sync",
      weaker: "a damaged block ends the replay of its log in silence",
      async open(dir) {
        // Payloads do not compress; trying to would only cost.
        const db = new level.ClassicLevel(join(dir, "db"), { compression: false });
        await db.open();
        let key = 0;
        return {
          append: (_caller, { json }) =>
            db.put(String((key += 1)).padStart(12, "0"), json, { sync: true }),
          close: () => db.close(),
        };
      },
    },
  ];
};
