/**
 * Points the mutations of a run at entities that exist, or do not yet where they are made.
 *
 *     note.renamed c ── c does not exist, a does ──> note.renamed a          one in so many is left as it came
 *
 * Without it most mutations would be refused, and little would ever be there to lose. It folds the run
 * loosely, with the model's own reducers. The rule: it judges nothing; what a reducer throws here, it is
 * asked again in the run.
 */
import type { Model, MutationModel } from "@taskwal/core";
import { copyJson, type JsonValue } from "@taskwal/format";
import { idsOf } from "./entity-ids.ts";
import type { FastCheck } from "./fast-check.ts";
import type { Mutation } from "./mutations-of.ts";
import type { Step } from "./plan.ts";
import { thawed } from "./pure-function.ts";

/** Of so many mutations one is left as it came, and may be refused. */
const strayOf = 8;

interface Entities {
  readonly ids: readonly string[];
  /** Those that exist, as they are. */
  readonly values: Map<string, JsonValue>;
}

/** The same steps, with other ids. */
export const aimedSteps = (model: Model, steps: readonly Step[], fc: FastCheck): Step[] => {
  const entities = new Map<string, Entities>();
  for (const entity of model.entities.values()) {
    entities.set(entity.key, { ids: idsOf(entity, fc), values: new Map() });
  }
  let count = 0;
  const aim = (mutation: Mutation): Mutation => {
    const found = model.mutations.get(mutation.type);
    const among = found && entities.get(found.entity.key);
    if (!found || !among) return mutation;
    count += 1;
    const id = count % strayOf === 0 ? mutation.id : targetOf(mutation.id, found, among, count);
    // A payload that carries the id, of an import say, goes on carrying it.
    const aimed = { ...mutation, id, payload: withId(mutation.payload, mutation.id, id) };
    follow(found, among, aimed);
    return aimed;
  };
  return steps.map((step): Step => {
    if (step.kind === "mutate") return { kind: "mutate", ...aim(withoutKind(step)) };
    return step.kind === "transact" ? { ...step, mutations: step.mutations.map(aim) } : step;
  });
};

const withoutKind = ({ type, id, payload }: Mutation): Mutation => ({ type, id, payload });

const targetOf = (
  id: string,
  { kind }: MutationModel,
  { ids, values }: Entities,
  turn: number,
): string => {
  const fits = (one: string): boolean => values.has(one) !== (kind === "create");
  if (fits(id)) return id;
  const others = [...new Set([...ids, ...values.keys()])].filter(fits);
  return others[turn % Math.max(1, others.length)] ?? id;
};

const withId = (payload: unknown, from: string, to: string): unknown =>
  typeof payload === "object" && payload !== null && (payload as { id?: unknown }).id === from
    ? { ...payload, id: to }
    : payload;

/** What exists afterwards, as far as can be told. */
const follow = (mutation: MutationModel, { values }: Entities, { id, payload }: Mutation): void => {
  const before = values.get(id);
  if ((before === undefined) !== (mutation.kind === "create") || mutation.kind === "append") return;
  const given = mutation.validate(payload);
  const recorded = given.ok ? copyJson(given.value) : undefined;
  if (!recorded?.ok) return;
  try {
    const last = before === undefined ? undefined : thawed(before);
    const after = mutation.reduce(last, thawed(recorded.value), { id, at: 0, n: 1 });
    const kept = after === undefined ? undefined : copyJson(after);
    if (kept === undefined) values.delete(id);
    else if (kept.ok) values.set(id, kept.value);
  } catch {
    // Refused: all is as it was.
  }
};
