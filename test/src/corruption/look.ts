/**
 * Opens a damaged store with salvage and holds what it says against what was done to it.
 *
 *     missing = all sequences − those that still read
 *     missing ≤ D   must be what the report calls lost, and touched (or of a touched transaction)
 *     missing > D   must be reported as torn: the last batch, nothing else
 *     pages         must be what the ledger gives without them, or what a mirror proved, said so
 *
 * The rule: any disagreement throws, with the report; what is returned is only how it went.
 */
import { openStore, type RecoveryReport } from "taskwal";
import { isDeepStrictEqual } from "node:util";
import type { Harm } from "./harm.ts";
import { expectedPages, samePage, type Expected, type Gone, type PageValue } from "./ledger.ts";
import type { Medium } from "./medium.ts";
import { openOptions, type MarksStore, type SmallStore } from "./small-store.ts";

export type Verdict =
  /** The state is the reference; the report tells of the damage, or needs not. */
  | "same, told"
  | "same, quiet"
  /** As the reference because a mirror proved what the log lost. */
  | "same, from mirrors"
  /** Another state, and the report says what of what was acknowledged is gone. */
  | "lost, told"
  /** Another state, and the report says "torn": allowed in the last batch of a crashed store. */
  | "torn only";

export interface Look {
  readonly verdict: Verdict;
  readonly store: MarksStore;
  readonly report: RecoveryReport;
  readonly expected: Expected;
}

/** Throws what the opening throws, or a Disagreement. */
export const lookAt = async (small: SmallStore, medium: Medium, harm: Harm): Promise<Look> => {
  medium.reset();
  harm.apply(medium);
  const store = await openStore({
    ...openOptions,
    dir: medium.dir,
    disk: medium.disk(),
    mirrors: small.kind.mirrors,
  });
  try {
    return { store, report: store.recovery, ...(await judge(small, harm, store)) };
  } catch (error) {
    if (!medium.canCrash) await store.close();
    throw error;
  }
};

const judge = async (
  small: SmallStore,
  harm: Harm,
  store: MarksStore,
): Promise<Pick<Look, "verdict" | "expected">> => {
  const report = store.recovery;
  const check = (holds: boolean, rule: string): void => {
    if (!holds)
      throw new Error(
        `${small.kind.name}, ${harm.file}, ${harm.what}: ${rule}\n${report.toText()}`,
      );
  };
  const missing = await missingSequences(small, store, check);
  const gone = judgeMissing(small, harm, report, missing, check);
  const expected = expectedPages(small.ledger, gone);
  const restored = judgePages(small, store, expected, check);
  judgeNames(small, report, expected, restored, store, check);
  const whole = expectedPages(small.ledger);
  const same = [...whole.pages].every(([id, page]) => samePage(page, pageIn(store, id)));
  const told =
    report.lost.length +
      report.damaged.length +
      report.skipped.length +
      report.torn.length +
      report.notes.length >
    0;
  check(same || told, "another state, and the report says nothing");
  if (same)
    return {
      expected,
      verdict: restored.size > 0 ? "same, from mirrors" : told ? "same, told" : "same, quiet",
    };
  return { expected, verdict: report.lost.length > 0 ? "lost, told" : "torn only" };
};

type Check = (holds: boolean, rule: string) => void;

export const pageIn = ({ pages }: MarksStore, id: string): PageValue => ({
  id,
  version: pages.version(id),
  marks: pages.get(id)?.marks,
  lines: pages.list(id, "lines").map(({ mark }) => mark),
});

/** Sequences that were there and no longer read; those that read must be what was issued. */
const missingSequences = async (
  small: SmallStore,
  store: MarksStore,
  check: Check,
): Promise<Set<number>> => {
  const missing = new Set([...small.lines.values()].flat().flatMap(({ seq }) => seq ?? []));
  const marks = new Map(small.ledger.map(({ seq, mark }) => [seq, mark]));
  for await (const { seq, type, data } of store.records()) {
    const isSystem = type.startsWith("$");
    // The sequence of a torn record is given again, first of all to a record of the engine.
    if (seq > small.durable && isSystem) continue;
    const mark = missing.delete(seq) ? marks.get(seq) : undefined;
    if (mark === undefined) check(isSystem, `@${seq} reads as ${type}, which nobody issued`);
    else
      check((data as { mark?: unknown }).mark === mark, `@${seq} does not read as it was issued`);
  }
  return missing;
};

const sequencesIn = (spans: RecoveryReport["lost"]): Set<number> =>
  new Set(
    spans.flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, at) => first + at),
    ),
  );

const judgeMissing = (
  { durable }: SmallStore,
  { touched, mates }: Harm,
  report: RecoveryReport,
  missing: ReadonlySet<number>,
  check: Check,
): Gone => {
  const base = report.snapshot?.sequence ?? 0;
  const lost = sequencesIn(report.lost);
  const gone = { lost: new Set<number>(), dropped: new Set<number>() };
  const firstTouched = Math.min(...touched, ...mates, Infinity);
  for (const seq of missing) {
    const near = touched.has(seq) || mates.has(seq);
    if (seq > durable)
      check(
        seq >= firstTouched,
        `@${seq} was in the last batch, before the damage, and is missing`,
      );
    else check(near, `@${seq} is missing, which stood elsewhere`);
    if (seq <= base) continue;
    const isTorn = !lost.has(seq) && seq > durable;
    check(
      !isTorn || report.torn.length > 0,
      `@${seq} is missing and the report says neither lost nor torn`,
    );
    check(
      isTorn || lost.has(seq),
      `@${seq} was promised, is missing, and the report does not say lost`,
    );
    if (mates.has(seq) && !isTorn) gone.dropped.add(seq);
    else gone.lost.add(seq);
  }
  for (const seq of lost) check(missing.has(seq), `@${seq} is reported lost and reads`);
  return gone;
};

/** Which pages a mirror restored; every other one must be what the ledger gives. */
const judgePages = (
  small: SmallStore,
  store: MarksStore,
  expected: Expected,
  check: Check,
): Set<string> => {
  const restored = new Set<string>();
  for (const [id, page] of expected.pages) {
    const actual = pageIn(store, id);
    if (samePage(actual, page)) continue;
    const upTo = small.ledger.filter((issued) => issued.id !== id || issued.n <= actual.version);
    const proved = expectedPages(upTo).pages.get(id);
    const said = store.recovery.notes.some((note) =>
      note.startsWith(`page ${id} was restored from its file`),
    );
    check(
      said && samePage(actual, proved),
      `page ${id} is ${JSON.stringify(actual)}, and should be ${JSON.stringify(page)}`,
    );
    restored.add(id);
  }
  return restored;
};

const sorted = (map: ReadonlyMap<string, unknown>): unknown[] =>
  [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** The report names the pages that lost something as far as later records prove it, and counts the rest. */
const judgeNames = (
  small: SmallStore,
  report: RecoveryReport,
  { named, unprovable }: Expected,
  restored: ReadonlySet<string>,
  store: MarksStore,
  check: Check,
): void => {
  const lost = sequencesIn(report.lost);
  const entities = new Map<string, (readonly [number, number])[]>();
  for (const { entity, id, versions } of report.entities) {
    check(entity === "page", `an entity ${entity} is named`);
    entities.set(id, [...(entities.get(id) ?? []), versions]);
  }
  check(
    isDeepStrictEqual(sorted(entities), sorted(named)),
    `it should name ${JSON.stringify([...named])} and names ${JSON.stringify([...entities])}`,
  );
  const issued = new Set(small.ledger.map(({ seq }) => seq));
  const unattributed =
    [...lost].filter((seq) => !issued.has(seq)).length +
    unprovable.filter(({ seq }) => lost.has(seq)).length;
  check(report.unattributed === unattributed, `${unattributed} lost ones belong to nobody known`);
  const damaged = store.damaged.map(({ id }) => id).toSorted();
  const marked = [...named.keys()].filter((id) => !restored.has(id)).toSorted();
  check(
    isDeepStrictEqual(damaged, marked),
    `${marked.join(", ")} should be marked, and ${damaged.join(", ")} are`,
  );
};
