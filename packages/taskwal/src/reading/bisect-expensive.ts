/**
 * Bisecting by a command that judges a whole state: too dear to ask at every record, so by halves.
 *
 *     state as JSON on stdin, TASKWAL_SEQUENCE ─> command ─> 0: no   1…124: yes   125: cannot tell   else: stop
 *
 * The rule: both ends are asked first, and it is said that flips between two probes can hide.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { exitCodes } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";
import { counted } from "../words.ts";
import { flipLine } from "./bisect.ts";
import type { StateAt } from "@taskwal/replay";
import { recordAt } from "./log.ts";
import type { Question } from "./question.ts";
import { provenanceWords } from "./words.ts";

type Answer = boolean | "cannot tell";

export const bisectExpensively = async (
  { offline, sink, redaction, progress, signal }: Question,
  command: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> => {
  let probes = 0;
  const probe = async (sequence: number): Promise<Answer> => {
    probes += 1;
    progress.show(() => `asking about @${sequence}: ${counted(probes, "state")} so far`);
    const state = await offline.stateAt(sequence);
    return judge(command, sequence, await stateText(state, redaction.value), signal);
  };
  const [atFrom, atTo] = [await probe(from), await probe(to)];
  const { provenance } = await offline.stateAt(to);
  const search =
    atFrom === atTo || atFrom === "cannot tell" || atTo === "cannot tell"
      ? undefined
      : await halve(probe, { low: from, high: to, atLow: atFrom });
  const ends = { from: { sequence: from, value: atFrom }, to: { sequence: to, value: atTo } };
  await sink.text(`@${from} ${atFrom}    @${to} ${atTo}`);
  if (search) {
    const { low, high } = search;
    const record = await recordAt(offline, high);
    await sink.json("flip", {
      sequence: high,
      value: !atFrom,
      after: low,
      type: record?.type,
      at: record?.at,
    });
    await sink.text(flipLine(high, !atFrom, record));
    if (high - low > 1)
      await sink.text(`or earlier: the command cannot tell for @${low + 1}…@${high - 1}`);
  }
  await sink.json("end", { provenance, ends, flips: search ? 1 : 0, exact: false, probes });
  await sink.text(
    `-- ${probes} of ${to - from + 1} states were asked; others may differ: --when finds every flip --`,
  );
  await sink.prose(provenanceWords(provenance));
  return search ? exitCodes.fine : exitCodes.difference;
};

interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Narrows an interval whose ends differ; states that the command cannot tell are stepped over. */
const halve = async (
  probe: (sequence: number) => Promise<Answer>,
  start: Interval & { readonly atLow: boolean },
): Promise<Interval> => {
  let { low, high } = start;
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    let at = middle;
    let answer = await probe(at);
    while (answer === "cannot tell" && at < high - 1) answer = await probe((at += 1));
    // Nothing from the middle up to the end can be told: what is left lies below it.
    if (answer === "cannot tell") {
      const below = await lastTold(probe, low, middle);
      if (below === undefined) return { low, high };
      if (below.answer === start.atLow) return { low: below.at, high };
      high = below.at;
    } else if (answer === start.atLow) low = at;
    else high = at;
  }
  return { low, high };
};

const lastTold = async (
  probe: (sequence: number) => Promise<Answer>,
  low: number,
  middle: number,
): Promise<{ readonly at: number; readonly answer: boolean } | undefined> => {
  for (let at = middle - 1; at > low; at -= 1) {
    const answer = await probe(at);
    if (answer !== "cannot tell") return { at, answer };
  }
  return undefined;
};

const stateText = async (
  state: StateAt,
  show: (entity: string, path: readonly string[], value: unknown) => unknown,
): Promise<string> => {
  const kinds: (readonly [entity: string, byId: object])[] = [];
  for (const entity of state.entities()) {
    const values: (readonly [id: string, value: unknown])[] = [];
    for await (const { id, value } of state.list(entity))
      values.push([id, show(entity, [], value)]);
    kinds.push([entity, Object.fromEntries(values)]);
  }
  return JSON.stringify(Object.fromEntries(kinds));
};

const judge = async (
  command: string,
  sequence: number,
  state: string,
  signal: AbortSignal,
): Promise<Answer> => {
  const child = spawn(command, {
    shell: true,
    signal,
    stdio: ["pipe", "ignore", "inherit"],
    env: { ...process.env, TASKWAL_SEQUENCE: String(sequence) },
  });
  // A command may judge without reading all of it.
  child.stdin?.on("error", () => {});
  child.stdin?.end(state);
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return false;
  if (code === 125) return "cannot tell";
  if (code !== null && code < 125) return true;
  throw new UsageError(
    `the command ended with ${code ?? "a signal"} at @${sequence}: 0 to 125 are answers`,
  );
};
