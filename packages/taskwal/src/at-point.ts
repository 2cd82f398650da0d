/**
 * The frame of the verbs that make a store from a point: the point that a person named, and how far its state is to be
 * believed.
 *
 *     point ─ plan (reads): what would be in it, what it lacks ─ --apply? ─ the new store
 *
 * The rule: the very grammar of the reading verbs, and their trust in the exit code: 1 over a gap, 5 where the log and
 * a snapshot do not agree.
 */
import type { Model } from "@taskwal/core";
import { ReplayFailedError } from "@taskwal/errors";
import { openOffline, type Provenance } from "@taskwal/replay";
import { assertFree, statePoint } from "@taskwal/core";
import { openNodeDisk } from "@taskwal/disk";
import { assertStore } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import { interruptible } from "./interruptible.ts";
import { loadModel } from "./model-file.ts";
import { openLateProgress } from "./late-progress.ts";
import { openAnswerSink, type AnswerSink } from "./reading/answer-sink.ts";
import { plain } from "./reading/plain-text.ts";
import { provenanceWords } from "./reading/words.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { counted } from "./words.ts";

export interface AtPointOptions {
  readonly dir: string;
  /** A point, as a person wrote it. Default: the last record. */
  readonly at: string | undefined;
  readonly to: string | undefined;
  readonly apply: boolean;
  readonly model: string | undefined;
  readonly json: boolean;
}

export interface AtPoint {
  readonly dir: string;
  readonly to: string;
  readonly model: Model;
  readonly sequence: number;
  readonly provenance: Provenance;
  readonly onProgress: (at: { readonly sequence: number; readonly last: number }) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A verb: the words of its plan, and its work, which tells what it did. */
export interface StoreFromPoint {
  readonly operation: string;
  readonly wouldBe: string;
  readonly make: (point: AtPoint, sink: AnswerSink) => Promise<void>;
}

/** Throws UsageError, PointError, and what opening and `make` throw; a RangeError is a point that is none. */
export const atPoint = async (
  { operation, wouldBe, make }: StoreFromPoint,
  { dir, at, to, apply, model: file, json }: AtPointOptions,
  terminal: Terminal,
): Promise<number> => {
  await assertStore(dir);
  const model = await loadModel(file, dir);
  if (to !== undefined) await assertFree({ disk: openNodeDisk(), from: dir, to, operation });
  const { reading: onProgress, end } = openLateProgress();
  const sink = openAnswerSink(process.stdout, terminal, { json, pager: false });
  const isDone = apply && to !== undefined;
  try {
    return await interruptible(
      isDone ? `${to} was not made` : "nothing was written",
      async (signal) => {
        const reading = { dir, model, onProgress, signal };
        const place = await placeOf(reading, at);
        if (isDone) await make({ ...reading, to, ...place }, sink);
        end();
        if (!isDone) await tellPlan({ operation, wouldBe, dir, to, model, signal }, place, sink);
        await sink.prose(provenanceWords(place.provenance));
        return trustCode[place.provenance.trust];
      },
    );
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    if (!(error instanceof ReplayFailedError)) throw error;
    process.stderr.write(`taskwal: ${error.message}\n`);
    return exitCodes.divergence;
  } finally {
    end();
    await sink.end();
  }
};

const trustCode = {
  verified: exitCodes.fine,
  "crossed-gap": exitCodes.difference,
  divergent: exitCodes.divergence,
} as const satisfies Record<Provenance["trust"], number>;

interface Planned extends Pick<StoreFromPoint, "operation" | "wouldBe"> {
  readonly dir: string;
  readonly to: string | undefined;
  readonly model: Model;
  readonly signal: AbortSignal;
}

const tellPlan = async (
  { operation, wouldBe, dir, to, model, signal }: Planned,
  { provenance, sequence, entities }: Place,
  sink: AnswerSink,
): Promise<void> => {
  const { store, lost } = await statePoint({ disk: openNodeDisk(), dir, model, sequence, signal });
  signal.throwIfAborted();
  const plan = { provenance, dir, to: to ?? null, applied: false, store, sequence, lost, entities };
  await sink.json(operation, plan);
  await sink.prose(`${wouldBe} ${plain(dir)} after @${sequence}: ${contentWords(entities)}`);
  await tellLost(lost, sink);
  await sink.text(`Nothing was written. --to <new directory> --apply does it`);
};

/** What the state lacks goes with it, and its answers say so. */
export const tellLost = async (
  lost: readonly (readonly [first: number, last: number])[],
  sink: AnswerSink,
): Promise<void> => {
  for (const [first, last] of lost)
    await sink.prose(`  lost before it: @${first} … @${last}; its answers say so`);
};

interface Place {
  readonly sequence: number;
  readonly provenance: Provenance;
  readonly entities: readonly { readonly entity: string; readonly count: number }[];
}

const contentWords = (entities: Place["entities"]): string =>
  entities.map(({ entity, count }) => counted(count, entity)).join(", ");

const placeOf = async (
  { dir, ...options }: Parameters<typeof openOffline>[1] & Pick<AtPoint, "dir">,
  at: string | undefined,
): Promise<Place> => {
  const offline = await openOffline(dir, options);
  try {
    const sequence = await offline.point(at ?? "@last");
    const state = await offline.stateAt(sequence);
    const { provenance } = state;
    const entities = state
      .entities()
      .map((entity) => ({ entity, count: state.ids(entity).length }));
    return { sequence, provenance, entities };
  } finally {
    await offline.close();
  }
};
