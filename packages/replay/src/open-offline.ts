/**
 * The answers of offline.ts, each by reading the log again.
 *
 *     open ─ survey ─> question ─ one pass over the history ─> answer
 *
 * The rule: nothing is written, in the directory or elsewhere; memory is that of the state, not of the log.
 */
import type { SlotChange } from "@taskwal/core";
import { isSystemType, type LogRecord } from "@taskwal/format";
import { checkFiles } from "./check-files.ts";
import { compareModels } from "./compare-models.ts";
import { fieldChanges, valueOf } from "./field-changes.ts";
import { historySteps, placeOf, type HistoryStep } from "./history-steps.ts";
import type {
  Blame,
  Change,
  Difference,
  EntityRef,
  FieldChange,
  Gap,
  Info,
  Offline,
  OfflineOptions,
  OfflineRecord,
  StateAt,
} from "./offline.ts";
import { pointOf } from "./points.ts";
import { Slots } from "./slots.ts";
import { provenanceOf, surveyOf, type Survey } from "./survey.ts";
import { tailOf } from "./tail.ts";

/**
 * Opens a state directory for reading; beside a living writer only what is durable is told. Throws
 * UnsupportedFormatError, CorruptError where there is nothing to start from, DiskFailedError.
 */
export const openOffline = async (dir: string, options: OfflineOptions): Promise<Offline> => {
  const { model, signal, onProgress } = options;
  const stepsOptions = { dir, model, signal };
  const survey = await surveyOf({ ...stepsOptions, onProgress });
  const steps = (): AsyncIterable<HistoryStep> => historySteps(stepsOptions);
  const entities = [...model.entities.values()].map(({ name }) => name);
  const base = survey.history.base?.sequence ?? 0;

  const stateAt = async (sequence: number): Promise<StateAt> => {
    let slots = survey.slots;
    if (sequence < survey.history.last) {
      slots = new Slots();
      for await (const step of steps()) if (placeOf(step) <= sequence) slots.take(step.changes);
    }
    const folded = survey.times.filter(([one]) => one <= sequence).length;
    return {
      provenance: provenanceOf(survey, sequence, folded),
      get: (ref) => valueOf(slots.slot(ref)),
      list: (entity) => slots.list(entity),
      entities: () => entities,
    };
  };

  return {
    info: () => infoOf(dir, survey, model.hash, entities),
    point: (text) =>
      promised(() =>
        pointOf(text, {
          base,
          last: survey.history.last,
          boots: survey.boots,
          marks: survey.marks,
          times: survey.times,
        }),
      ),
    records: (range) => recordsOf(steps, survey, range),
    stateAt,
    diff: (a, b) => diffOf(steps, survey, a, b),
    blame: async (ref, sequence = survey.history.last) =>
      blameOf(steps, await stateAt(sequence), ref, sequence),
    trace: (id) => traceOf(steps, survey, id),
    flips: async function* ({ ref, test }, { after = base, to = survey.history.last } = {}) {
      const start = await stateAt(after);
      let value = test(start.get(ref));
      for await (const step of steps()) {
        const sequence = placeOf(step);
        if (sequence <= after || sequence > to) continue;
        for (const change of step.changes) {
          if (change.entity.name !== ref.entity || change.id !== ref.id) continue;
          const now = test(valueOf(change.after));
          if (now !== value) yield { sequence, value: now };
          value = now;
        }
      }
    },
    verify: async () => {
      const { provenance } = await stateAt(survey.history.last);
      const files = await checkFiles(dir, survey);
      return { ...files, provenance };
    },
    whatIf: async (other) => {
      const { provenance } = await stateAt(survey.history.last);
      return { provenance, ...(await compareModels(dir, model, other, signal)) };
    },
    tail: (after, until) => tailOf(dir, model, survey, after, until),
    close: () => Promise.resolve(),
  };
};

const promised = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()));

const infoOf = async (
  dir: string,
  survey: Survey,
  hash: string,
  names: readonly string[],
): Promise<Info> => {
  const { history, boots, marks, times, gaps, slots, modelHash } = survey;
  const { listed, findings } = await checkFiles(dir, survey);
  return {
    directory: dir,
    store: history.store,
    first: times[0]?.[0] ?? history.last + 1,
    last: history.last,
    firstAt: times[0]?.[1],
    lastAt: times.at(-1)?.[1],
    boots,
    marks,
    entities: names.map((entity) => ({ entity, count: slots.list(entity).length })),
    files: listed,
    snapshots: listed
      .filter(({ kind }) => kind === "snapshot")
      .map(({ name, last = -1 }) => ({ name, sequence: last })),
    integrity: findings.map(({ message }) => message),
    gaps,
    model: { hash, logHash: modelHash },
  };
};

const recordShape = (
  record: LogRecord,
  entity: string | undefined,
  survey: Survey,
): OfflineRecord => {
  const { seq, at, type, v = 1, id, n, tx, actor, cause, key, trace, data } = record;
  return {
    kind: "record",
    sequence: seq,
    at,
    type,
    version: v,
    entity,
    id,
    n,
    ...(tx && { tx }),
    ...(actor !== undefined && { actor }),
    ...(cause !== undefined && { cause }),
    ...(key !== undefined && { key }),
    ...(trace !== undefined && { trace }),
    data,
    file: survey.history.listing.segments.findLast((one) => one.id.first <= seq)?.name ?? "",
    boot: survey.boots.findLast(({ first }) => first <= seq)?.boot ?? 0,
  };
};

type Steps = () => AsyncIterable<HistoryStep>;

const entityOf = (record: LogRecord, changes: readonly SlotChange[]): string | undefined =>
  isSystemType(record.type) ? undefined : (changes[0]?.entity.name ?? record.type.split(".")[0]);

async function* recordsOf(
  steps: Steps,
  survey: Survey,
  {
    after = 0,
    to = Infinity,
    reverse = false,
  }: { after?: number; to?: number; reverse?: boolean } = {},
): AsyncGenerator<OfflineRecord | Gap> {
  const held: (OfflineRecord | Gap)[] = [];
  const waiting = survey.gaps.filter((gap) => gap.to > after && gap.from <= to);
  for await (const step of steps()) {
    if (step.kind !== "record") continue;
    const { record, changes } = step;
    if (record.seq <= after || record.seq > to) continue;
    const found: (OfflineRecord | Gap)[] = [];
    while (waiting[0] && waiting[0].from < record.seq) found.push(...waiting.splice(0, 1));
    found.push(recordShape(record, entityOf(record, changes), survey));
    if (reverse) held.push(...found);
    else yield* found;
  }
  if (reverse) yield* [...held, ...waiting].reverse();
  else yield* waiting;
}

const keyOf = ({ entity, id }: SlotChange): string => `${entity.name}\n${id}`;
const pathKey = (path: FieldChange["path"]): string => JSON.stringify(path);

const diffOf = async (steps: Steps, survey: Survey, a: number, b: number): Promise<Difference> => {
  const [low, high] = a <= b ? [a, b] : [b, a];
  const touched = new Map<string, { first: SlotChange; last: SlotChange }>();
  const setBy = new Map<string, { sequence: number; type: string }>();
  for await (const step of steps()) {
    const sequence = placeOf(step);
    if (sequence <= low || sequence > high) continue;
    const type = step.kind === "snapshot" ? step.snapshot.name : step.record.type;
    for (const change of step.changes) {
      const key = keyOf(change);
      touched.set(key, { first: touched.get(key)?.first ?? change, last: change });
      for (const { path } of fieldChanges(change.before, change.after))
        setBy.set(`${key}\n${pathKey(path)}`, { sequence, type });
    }
  }
  const counted = (to: number): number => survey.times.filter(([one]) => one <= to).length;
  return {
    a: provenanceOf(survey, a, counted(a)),
    b: provenanceOf(survey, b, counted(b)),
    entities: [...touched]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, { first, last }]) => ({
        ref: { entity: first.entity.name, id: first.id },
        changes: fieldChanges(first.before, last.after).map((change) => {
          const by = setBy.get(`${key}\n${pathKey(change.path)}`) ?? setBy.get(`${key}\n[]`);
          const turned = a <= b ? change : { ...change, old: change.new, new: change.old };
          return { ...turned, sequence: by?.sequence ?? high, type: by?.type ?? "" };
        }),
      }))
      .filter(({ changes }) => changes.length > 0),
  };
};

const blameOf = async (
  steps: Steps,
  state: StateAt,
  ref: EntityRef,
  to: number,
): Promise<Blame> => {
  type Setter = Omit<Blame["fields"][number], "path" | "value">;
  const setters = new Map<string, Setter>();
  for await (const step of steps()) {
    const sequence = placeOf(step);
    if (sequence > to) continue;
    for (const change of step.changes) {
      if (change.entity.name !== ref.entity || change.id !== ref.id) continue;
      const fields = new Set(
        fieldChanges(change.before, change.after).map(({ path }) => String(path[0] ?? "")),
      );
      for (const field of fields) {
        const told =
          step.kind === "snapshot"
            ? { type: step.snapshot.name, at: undefined }
            : {
                type: step.record.type,
                at: step.record.at,
                ...(step.record.actor !== undefined && { actor: step.record.actor }),
              };
        setters.set(field, { sequence, ...told, changes: (setters.get(field)?.changes ?? 0) + 1 });
      }
    }
  }
  const fields = Object.entries(state.get(ref) ?? {}).flatMap(([name, value]) => {
    const setter = setters.get(name);
    return setter ? [{ path: [name], value: value as unknown, ...setter }] : [];
  });
  return { provenance: state.provenance, fields };
};

async function* traceOf(steps: Steps, survey: Survey, id: string): AsyncGenerator<Change | Gap> {
  const waiting = [...survey.gaps];
  for await (const step of steps()) {
    const sequence = placeOf(step);
    while (waiting[0] && waiting[0].from < sequence) yield* waiting.splice(0, 1);
    for (const change of step.changes.filter((one) => one.id === id)) {
      const changes = fieldChanges(change.before, change.after);
      const ref = { entity: change.entity.name, id };
      if (step.kind === "snapshot") {
        yield { ...ref, sequence, type: step.snapshot.name, at: undefined, changes };
        continue;
      }
      const { type, at, actor, cause } = step.record;
      yield {
        ...ref,
        sequence,
        type,
        at,
        ...(actor !== undefined && { actor }),
        ...(cause !== undefined && { cause }),
        changes,
      };
    }
  }
  yield* waiting;
}
