/**
 * Every state.json and backup on a crashed disk, held against the ledger at the sequence it claims.
 *
 * The rule: once per content; what a recovery's own probe has changed is only checked for wholeness.
 */
import type { SimDisk } from "@taskwal/disk/sim";
import { Broken, probeId } from "./inspect.ts";
import type { Ledger } from "./ledger.ts";
import { readSnapshotFile, type Collections, type SnapshotFile } from "./snapshot-file.ts";

export const snapshotPaths = (sim: SimDisk): string[] =>
  sim.listRaw().filter((path) => /^\/state\/state\.(?:backup\..*\.)?json$/.test(path));

export const snapshotCheck = (
  ledger: Ledger,
  collections: Collections,
): ((path: string, bytes: Uint8Array) => void) => {
  const verified = new Set<string>();
  return (path, bytes) => {
    const content = Buffer.from(bytes).toString("latin1");
    if (verified.has(content)) return;
    const { sequence, dump } = whole(path, bytes, collections);
    const allowed = ledger.dumpsAtSequence(sequence);
    if (!dump.includes(probeId) && !allowed.includes(dump)) {
      const details = `${path} @${sequence}:\n${dump}\n-- not --\n${allowed[0] ?? ""}`;
      throw new Broken("a snapshot holds exactly the state of its sequence", details);
    }
    verified.add(content);
  };
};

const whole = (path: string, bytes: Uint8Array, collections: Collections): SnapshotFile => {
  try {
    return readSnapshotFile(bytes, collections);
  } catch (error) {
    throw new Broken(
      "every snapshot verifies at every instant",
      `${path}: ${String(error)}`,
      error,
    );
  }
};
