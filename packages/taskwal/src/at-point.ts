/**
 * The frame of the verbs that make a store from a point: the point that a person named, and how far its state is to be
 * believed.
 *
 * The rule: the very grammar of the reading verbs, and their trust in the exit code: 1 over a gap, 5 where the log and
 * a snapshot do not agree.
 */
import type { Model } from "@taskwal/core";
import { ReplayFailedError } from "@taskwal/errors";
import { openOffline, type Provenance } from "@taskwal/replay";
import { assertFree } from "@taskwal/core";
import { openNodeDisk } from "@taskwal/disk";
import { assertStore } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import { interruptible } from "./interruptible.ts";
import { loadModel } from "./model-file.ts";
import { openLateProgress } from "./late-progress.ts";
import { openAnswerSink, type AnswerSink } from "./reading/answer-sink.ts";
import { provenanceWords } from "./reading/words.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export interface AtPointOptions {
  readonly dir: string;
  /** A point, as a person wrote it. Default: the last record. */
  readonly at: string | undefined;
  readonly to: string;
  readonly model: string | undefined;
  readonly json: boolean;
}

export interface AtPoint {
  readonly dir: string;
  readonly to: string;
  readonly model: Model;
  readonly sequence: number;
  readonly onProgress: (at: { readonly sequence: number; readonly last: number }) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Throws UsageError, PointError, and what opening and `make` throw; a RangeError of `make` is a wrong point. */
export const atPoint = async (
  operation: string,
  { dir, at, to, model: file, json }: AtPointOptions,
  terminal: Terminal,
  make: (point: AtPoint, sink: AnswerSink) => Promise<void>,
): Promise<number> => {
  await assertStore(dir);
  const model = await loadModel(file, dir);
  await assertFree({ disk: openNodeDisk(), from: dir, to, operation });
  const { reading: onProgress, end } = openLateProgress();
  const sink = openAnswerSink(process.stdout, terminal, { json, pager: false });
  try {
    return await interruptible(`${to} was not made`, async (signal) => {
      const reading = { dir, model, onProgress, signal };
      const { sequence, provenance } = await placeOf(reading, at);
      await make({ ...reading, to, sequence }, sink);
      end();
      await sink.prose(provenanceWords(provenance));
      return trustCode[provenance.trust];
    });
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

const placeOf = async (
  { dir, ...options }: Parameters<typeof openOffline>[1] & Pick<AtPoint, "dir">,
  at: string | undefined,
): Promise<{ readonly sequence: number; readonly provenance: Provenance }> => {
  const offline = await openOffline(dir, options);
  try {
    const sequence = await offline.point(at ?? "@last");
    const { provenance } = await offline.stateAt(sequence);
    return { sequence, provenance };
  } finally {
    await offline.close();
  }
};
