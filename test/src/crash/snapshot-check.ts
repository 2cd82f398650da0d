/**
 * Every state.json and backup on a crashed disk, held against the ledger at the sequence it claims.
 *
 * The rule: read once per content. A recovery counts its own sequences on (and an import that goes on, goes
 * on at others than the run did), so of what a recovery wrote only the state is looked up, among those that a
 * recovery from that crash may reach: what the run was refused later may be there. What the probe of an
 * inspection has changed is only checked for wholeness.
 */
import type { SimDisk } from "@taskwal/disk/sim";
import { Broken, probeId, type Author } from "./inspect.ts";
import type { Dump, Ledger } from "./ledger.ts";
import { readSnapshotFile, type Collections, type SnapshotFile } from "./snapshot-file.ts";

export const snapshotPaths = (sim: SimDisk): string[] =>
  sim.listRaw().filter((path) => /^\/state\/state\.(?:backup\..*\.)?json$/.test(path));

export const snapshotCheck = (
  ledger: Ledger,
  collections: Collections,
): ((path: string, bytes: Uint8Array, by: Author) => void) => {
  const files = new Map<string, SnapshotFile>();
  return (path, bytes, by) => {
    const content = Buffer.from(bytes).toString("latin1");
    const file = files.get(content) ?? whole(path, bytes, collections);
    files.set(content, file);
    const { sequence, dump } = file;
    const allowed: readonly Dump[] =
      by === "run" ? ledger.dumpsAtSequence(sequence) : [...by.tooLittle, ...by.allowed];
    if (dump.includes(probeId) || allowed.includes(dump)) return;
    const details = `${path} @${sequence}:\n${dump}\n-- not --\n${allowed.at(-1) ?? ""}`;
    throw new Broken("a snapshot holds exactly the state of its sequence", details);
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
