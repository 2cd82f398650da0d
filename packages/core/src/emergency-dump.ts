/**
 * The state as a state.json of its own, in a directory on another disk: what is left to do once the store's disk failed.
 *
 * The rule: only what is durable, so that the log that may yet be read says no less.
 */
import type { Disk } from "@taskwal/disk";
import { saveSnapshot } from "@taskwal/snapshot";
import type { Model } from "./define-model.ts";
import { schemaWith } from "./held-records.ts";
import type { Engine } from "./open-engine.ts";
import { snapshotParts, viewState } from "./snapshot-view.ts";

export interface DumpSource {
  readonly disk: Disk;
  readonly model: Model;
  readonly parts: Pick<Engine, "recovered" | "log" | "store">;
}

/** Durable on return; the directory is created if it is missing. Errors of that disk pass through. */
export const dumpState = async (dir: string, { disk, model, parts }: DumpSource): Promise<void> => {
  const { recovered, log, store } = parts;
  const { clock } = disk;
  const view = viewState(model, recovered.state, recovered.keys);
  const last_saved = new Date(clock.now()).toISOString();
  const { durable: sequence, lastCrc: last, epoch } = log;
  const schema = schemaWith(model, recovered.state.held);
  const head = { store, epoch, sequence, last, schema, last_saved };
  const directory = await disk.createDirectory(dir);
  try {
    const source = { head, ...(await snapshotParts(model, view, clock)) };
    await saveSnapshot(directory, source, { clock, previous: undefined });
  } finally {
    await directory.close();
  }
};
