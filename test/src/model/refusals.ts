/**
 * Whether refusals were due.
 *
 *     conflict, invalid, reducer   as forecast; or on the ground without calls that were refused meanwhile
 *     its signal                   only if it was aborted
 *     the disk                     only while it fails; "unknown" only from a dead writer
 *
 * The rule: also the other way round: what was forecast to be refused was not answered.
 */
import { Broken } from "../crash/inspect.ts";
import { evaluate, type Refusal } from "./asked.ts";
import type { Reference, Waiting } from "./reference.ts";

export const abortReason = new Error("the caller gave up");

const refusalOf = (error: unknown): Refusal | "key conflict" | "disk" | "closed" | "other" => {
  const { code, expected } = error as { code?: string; expected?: unknown };
  if (code === "CONFLICT") return expected === "key" ? "key conflict" : "conflict";
  if (code === "INVALID_MUTATION") return "invalid";
  if (code === "DISK_FAILED") return "disk";
  if (code === "CLOSED") return "closed";
  return error instanceof RangeError ? "reducer" : "other";
};

/** All ways to leave out some of the calls; of many calls only none, each and all. */
function* subsets(calls: readonly Waiting[]): Generator<ReadonlySet<Waiting>> {
  if (calls.length > 6) {
    yield new Set();
    for (const one of calls) yield new Set([one]);
    yield new Set(calls);
    return;
  }
  for (let bits = 0; bits < 2 ** calls.length; bits += 1) {
    yield new Set(calls.filter((_, at) => (bits >> at) % 2 === 1));
  }
}

export const checkRefusals = (
  reference: Reference,
  refusals: ReadonlyMap<Waiting, unknown>,
  isFaulty: boolean,
  poison: unknown,
): void => {
  for (const call of reference.waiting) {
    const { forecast, outcome, asked } = call;
    if (outcome === "open") {
      if (!poison) throw new Broken("every call settles", JSON.stringify(asked));
      continue;
    }
    const isStaged = forecast === "known" || (typeof forecast === "object" && forecast.ok);
    if (
      outcome === "answered" &&
      !isStaged &&
      !isFaulty &&
      !reference.waiting.some(({ isAborted }) => isAborted)
    )
      throw new Broken("what must be refused is refused", JSON.stringify({ asked, forecast }));
  }
  // In the order of the calls: what is unknown may be there in that order.
  const inOrder = [...refusals].toSorted(([a], [b]) => a.order - b.order);
  for (const [call, error] of inOrder) {
    if (!isDue(call, error, { reference, isFaulty, poison, refusals }))
      throw new Broken(
        "a refusal has its reason",
        `${JSON.stringify(call.asked)} (forecast ${JSON.stringify(call.forecast)}) was refused with ${String(error)}`,
        error,
      );
  }
};

interface Ground {
  readonly reference: Reference;
  readonly isFaulty: boolean;
  readonly poison: unknown;
  readonly refusals: ReadonlyMap<Waiting, unknown>;
}

const isDue = (call: Waiting, error: unknown, ground: Ground): boolean => {
  const { forecast, asked } = call;
  const { reference, isFaulty, poison, refusals } = ground;
  if (error === abortReason) return call.isAborted;
  const refusal = refusalOf(error);
  if (forecast === "dead") return error === poison;
  if (forecast === "closed") return refusal === "closed";
  if (refusal === "disk") {
    const { outcome } = error as { outcome?: string };
    if (outcome === "unknown") reference.unknown.push(...(isExpected(call) ? [asked] : []));
    return isFaulty && (outcome === "not-written" || poison !== undefined);
  }
  if (forecast === refusal) return true;
  if (typeof forecast === "object" && !forecast.ok && forecast.refusal === refusal) return true;
  if (refusal === "key conflict" || refusal === "closed" || refusal === "other") return false;
  const others = [...refusals.keys()].filter(
    (other) => other.order < call.order && isExpected(other),
  );
  if (others.length === 0) return false;
  for (const without of subsets(others)) {
    const evaluation = evaluate(before(reference, call, without), asked);
    if (!evaluation.ok && evaluation.refusal === refusal) return true;
  }
  return false;
};

const isExpected = ({ forecast }: Waiting): boolean => typeof forecast === "object" && forecast.ok;

/** The ground that it may have been reduced on: all calls before it, without those. */
const before = (reference: Reference, call: Waiting, without: ReadonlySet<Waiting>) => {
  const ahead = reference.waiting.filter(
    (other) => other.order < call.order && isExpected(other) && !without.has(other),
  );
  const firstEntry = reference.waiting.find(({ entry }) => entry)?.entry;
  const start = firstEntry ? reference.visible.indexOf(firstEntry) : reference.visible.length;
  let items = reference.visible[start - 1]?.items ?? new Map();
  for (const { asked } of ahead) {
    const evaluation = evaluate(items, asked);
    if (evaluation.ok) ({ items } = evaluation);
  }
  return items;
};
