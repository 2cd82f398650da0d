/**
 * What another model makes of the same log: both are folded side by side, record by record.
 *
 * The rule: only reducers run. A record that the other model cannot replay is the end of the comparison, and is told.
 */
import type { Model, SlotChange } from "@taskwal/core";
import { fieldChanges } from "./field-changes.ts";
import { historySteps, type HistoryStep, type StepsOptions } from "./history-steps.ts";
import type { Change, WhatIf } from "./offline.ts";

/** `model`: that of the records. Throws what `readHistory` throws. */
export const compareModels = async (
  { dir, model, signal, onProgress }: StepsOptions,
  other: Model,
): Promise<Omit<WhatIf, "provenance">> => {
  const one = historySteps({ dir, model, signal, onProgress });
  const two = historySteps({ dir, model: other, signal });
  const ends = new Map<
    string,
    { readonly one: SlotChange | undefined; readonly two: SlotChange | undefined }
  >();
  let first: Change | undefined;
  let [records, differing] = [0, 0];
  for (;;) {
    const [a, b] = [await one.next(), await two.next()];
    if (a.done || b.done) {
      if (!a.done) await one.return(undefined as never);
      if (!b.done) await two.return(undefined as never);
      const failure = b.done ? b.value?.failure : undefined;
      return {
        records,
        differing,
        first,
        entities: differences(ends),
        ...(failure && { failed: { sequence: failure.sequence, message: failure.message } }),
      };
    }
    records += a.value.kind === "record" ? 1 : 0;
    const pairs = paired(a.value, b.value);
    let differs = false;
    for (const [key, pair] of pairs) {
      ends.set(key, pair);
      const changes = between(pair);
      if (changes.length === 0) {
        ends.delete(key);
        continue;
      }
      differs = true;
      first ??= changeOf(a.value, pair, changes);
    }
    if (differs) differing += 1;
  }
};

interface Pair {
  readonly one: SlotChange | undefined;
  readonly two: SlotChange | undefined;
}

const paired = (a: HistoryStep, b: HistoryStep): Map<string, Pair> => {
  const keyed = ({ changes }: HistoryStep): Map<string, SlotChange> =>
    new Map(changes.map((change) => [`${change.entity.name}\n${change.id}`, change]));
  const [ones, twos] = [keyed(a), keyed(b)];
  return new Map(
    [...new Set([...ones.keys(), ...twos.keys()])].map((key) => [
      key,
      { one: ones.get(key), two: twos.get(key) },
    ]),
  );
};

const between = ({ one, two }: Pair): ReturnType<typeof fieldChanges> =>
  fieldChanges(one?.after, two?.after);

const changeOf = (step: HistoryStep, { one, two }: Pair, changes: Change["changes"]): Change => {
  const ref = { entity: (one ?? two)?.entity.name ?? "", id: (one ?? two)?.id ?? "" };
  if (step.kind === "snapshot")
    return {
      ...ref,
      sequence: step.snapshot.sequence,
      type: step.snapshot.name,
      at: undefined,
      changes,
    };
  const { seq: sequence, type, at } = step.record;
  return { ...ref, sequence, type, at, changes };
};

const differences = (ends: ReadonlyMap<string, Pair>): WhatIf["entities"] =>
  [...ends].map(([key, pair]) => {
    const [entity = "", id = ""] = key.split("\n");
    return { ref: { entity, id }, changes: between(pair) };
  });
