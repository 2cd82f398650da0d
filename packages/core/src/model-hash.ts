/**
 * One hash over all that decides how records fold into state, noted by `$boot`.
 *
 *     names, collections, lists, types, kinds, versions + source text of reducers, upcasters, migrations
 *
 * The rule: the order of declarations does not matter, the text of a function does. So it says "look
 * here", not "this is wrong": another bundler changes it too, while a changed constant or function
 * that a reducer merely calls does not show.
 */
import { canonicalJson, sha256 } from "@taskwal/format";
import type { EntityDefinition, MutationDefinition } from "./define-entity.ts";
import type { VersionStep } from "./version-steps.ts";

/** SHA-256, hex. */
export const modelHash = (entities: readonly EntityDefinition[]): string =>
  sha256()
    .update(
      canonicalJson(Object.fromEntries(entities.map((entity) => [entity.name, facts(entity)]))),
    )
    .digest("hex");

const facts = ({ collection, version, migrate, mutations }: EntityDefinition): object => ({
  collection,
  version,
  migrate: sources(migrate),
  mutations: Object.fromEntries(
    [...mutations.values()].map((one) => [one.type, mutationFacts(one)]),
  ),
});

const mutationFacts = ({ kind, version, upcast, source }: MutationDefinition): object => ({
  kind,
  version,
  upcast: sources(upcast),
  reduce: source,
});

const sources = (steps: ReadonlyMap<number, VersionStep>): object =>
  Object.fromEntries([...steps].map(([from, step]) => [from, String(step)]));
