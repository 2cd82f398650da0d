/**
 * One pass over a whole log: what every later question needs to know of it.
 *
 *     history ─> lives, marks, times, gaps, how many entities there are, the state after the last record
 *
 * The rule: per record only its time is kept.
 */
import type { History, HistorySnapshot } from "@taskwal/core";
import type { LogRecord } from "@taskwal/format";
import { historySteps, type StepsOptions } from "./history-steps.ts";
import type { Boot, Gap, Provenance } from "./offline.ts";
import { Slots } from "./slots.ts";

export interface Survey {
  readonly history: History;
  readonly boots: readonly Boot[];
  readonly marks: readonly {
    readonly sequence: number;
    readonly name: string;
    readonly text: string | undefined;
  }[];
  readonly times: readonly (readonly [sequence: number, at: number])[];
  readonly gaps: readonly Gap[];
  /** Behind the last record. */
  readonly slots: Slots;
  /** The hash of the model that wrote the last life. */
  readonly modelHash: string | undefined;
}

/** Throws what `readHistory` throws. */
export const surveyOf = async (options: StepsOptions): Promise<Survey> => {
  const boots: { -readonly [Name in keyof Boot]: Boot[Name] }[] = [];
  const marks: { sequence: number; name: string; text: string | undefined }[] = [];
  const times: (readonly [number, number])[] = [];
  const slots = new Slots();
  let modelHash: string | undefined;
  const steps = historySteps(options);
  for (;;) {
    const step = await steps.next();
    if (step.done) {
      const history = step.value;
      return { history, boots, marks, times, slots, modelHash, gaps: gapsOf(history) };
    }
    slots.take(step.value.changes);
    if (step.value.kind !== "record") continue;
    const { record } = step.value;
    times.push([record.seq, record.at]);
    if (record.type === "$boot") {
      boots.push(bootOf(record, boots.length + 1));
      modelHash = (record.data as { readonly model?: { readonly hash?: string } }).model?.hash;
    }
    const boot = boots.at(-1);
    if (boot) {
      boot.last = record.seq;
      boot.lastAt = record.at;
      boot.ended = record.type === "$close" ? "clean" : "not closed";
    }
    if (record.type === "$mark") {
      const { name, text } = record.data as { readonly name?: unknown; readonly text?: unknown };
      if (typeof name === "string")
        marks.push({
          sequence: record.seq,
          name,
          text: typeof text === "string" ? text : undefined,
        });
    }
  }
};

const bootOf = ({ seq, at, data }: LogRecord, boot: number): Boot => {
  const { pid, host, engine } = data as { pid?: number; host?: string; engine?: string };
  return { boot, first: seq, last: seq, at, lastAt: at, pid, host, engine, ended: "not closed" };
};

const gapsOf = ({ holes, end, listing }: History): Gap[] =>
  holes.map(({ first, last }) => {
    const segment = listing.segments.findLast(({ id }) => id.first <= first);
    const bytes = end.damaged.filter(({ file }) => file === segment?.name);
    const [damaged] = bytes;
    return {
      kind: "gap",
      from: first,
      to: last,
      reason: bytes.length === 1 && damaged ? damaged.reason : "no line that verifies holds it",
      ...(segment && { file: segment.name }),
      ...(bytes.length === 1 &&
        damaged && { bytes: [damaged.startBytes, damaged.endBytes] as const }),
    };
  });

/** Where an answer about `sequence` comes from. */
export const provenanceOf = (survey: Survey, sequence: number, folded: number): Provenance => {
  const { history, gaps, boots, times } = survey;
  const below = gaps.filter(({ from }) => from <= sequence);
  const isOpen = history.holes.some(
    ({ first, healedAt }) => first <= sequence && (healedAt === undefined || sequence < healedAt),
  );
  const { failure } = history;
  return {
    sequence,
    at: times.findLast(([one]) => one <= sequence)?.[1],
    boot: boots.findLast(({ first }) => first <= sequence)?.boot,
    snapshot: baseOf(history, sequence),
    folded,
    trust:
      failure && failure.sequence <= sequence ? "divergent" : isOpen ? "crossed-gap" : "verified",
    gaps: below,
  };
};

const baseOf = ({ base }: History, sequence: number): HistorySnapshot | undefined =>
  base && base.sequence <= sequence ? { name: base.name, sequence: base.sequence } : undefined;
