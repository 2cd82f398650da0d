/**
 * A harmed directory, opened: what it may show, what it must say, and that it goes on.
 *
 *     open ─ each page at a state it had, or marked ─ power cut ─ open: the same, no news ─ append ─
 *       power cut ─ open: the same and the append           or: a typed refusal, and nothing was changed
 *
 * With exactly one file harmed and no checksum made right: whatever of the history is missing is told,
 * unless nothing outside the harmed file promised it (docs/guarantees.md, "A last batch that rotted").
 * With checksums made right, a page that a forged line names may be anything; every other page is judged
 * as before. With several files harmed a page may also be at a state of a call that a crash took.
 */
import {
  CorruptError,
  LockedError,
  ReplayFailedError,
  UnsupportedFormatError,
  type RecoveryReport,
} from "taskwal";
import { judgeCost } from "./directory-cost.ts";
import type { Harmed } from "./directory-harm.ts";
import {
  openFuzzed,
  pageIds,
  pageText,
  storeDir,
  type FuzzedStore,
  type FuzzStore,
} from "./fuzz-store.ts";
import { Finding, holds } from "./line-trial.ts";

export type Manner = "salvage" | "refuse" | "read-only";

const probeId = "probe";

/** Which refusals are allowed, by class: docs/errors.md. */
const refusalOf = (error: unknown, { changed }: Harmed): string | undefined => {
  if (error instanceof CorruptError) return "CorruptError";
  if (error instanceof UnsupportedFormatError) return "UnsupportedFormatError";
  if (error instanceof ReplayFailedError) return "ReplayFailedError";
  if (error instanceof LockedError && changed.has("LOCK")) return "LockedError";
  return undefined;
};

/** Throws a Finding, or what is not allowed; returns the verdict. */
export const tryDirectory = async (
  store: FuzzStore,
  harmed: Harmed,
  manner: Manner,
): Promise<string> => {
  lay(store, harmed);
  let opened: FuzzedStore;
  try {
    opened = await open(store, manner);
  } catch (error) {
    const refusal = refusalOf(error, harmed);
    if (refusal === undefined) throw error;
    judgeRefusal(store, harmed, error, manner);
    return `${manner}: ${refusal}`;
  }
  const details = (): string => opened.recovery.toText();
  try {
    judgePages(store, harmed, opened, manner);
    if (manner === "read-only") {
      await opened.close();
      return "read-only: opened";
    }
    const verdict = verdictOf(store, opened);
    await judgeLater(store, opened);
    return `${manner}: ${verdict}`;
  } catch (error) {
    if (error instanceof Finding) throw new Finding(`${error.message}\n${details()}`);
    throw error;
  }
};

const open = (store: FuzzStore, manner: Manner): Promise<FuzzedStore> =>
  openFuzzed(store.sim, {
    mirrors: store.mirrors,
    ...(manner === "refuse" ? { onDamage: "refuse" } : {}),
    ...(manner === "read-only" ? { readOnly: true } : {}),
  });

const lay = ({ sim, base }: FuzzStore, { files, changed }: Harmed): void => {
  sim.restore(base);
  for (const name of changed) {
    const bytes = files.get(name);
    const path = `${storeDir}/${name}`;
    if (bytes) sim.writeRaw(path, bytes);
    else sim.removeRaw(path);
  }
};

/** A refusal names one file's harm as what it is, and leaves every byte where it was. */
const judgeRefusal = ({ sim }: FuzzStore, harmed: Harmed, error: unknown, manner: Manner): void => {
  for (const [name, bytes] of harmed.files) {
    if (name === "LOCK") continue;
    const now = sim.listRaw().includes(`${storeDir}/${name}`)
      ? Buffer.from(sim.readRaw(`${storeDir}/${name}`))
      : undefined;
    holds(
      now?.equals(bytes) ?? false,
      "a refusal changed a file",
      () => `${name}: ${String(error)}`,
    );
  }
  if (harmed.isResealed || harmed.changed.size !== 1 || manner === "refuse") return;
  // One harmed file costs no state: there is a log from the first record on, or a snapshot and the log above.
  const isAllowed = error instanceof LockedError;
  holds(isAllowed, "one harmed file keeps a store from opening", () => String(error));
};

/** The page is at a state that it had, or it is marked, named, restored, or a forger spoke of it. */
const judgePages = (
  store: FuzzStore,
  harmed: Harmed,
  opened: FuzzedStore,
  manner: Manner,
): void => {
  const isSingle = harmed.changed.size <= 1 && !harmed.isResealed;
  const marked = new Set(opened.damaged.map(({ id }) => id));
  for (const id of pageIds) {
    if (marked.has(id) || harmed.forgedPages.has(id)) continue;
    const version = opened.pages.version(id);
    const text = pageText(opened, id);
    const history = (isSingle ? store.chain : store.ever).get(id)?.get(version);
    const isKnown = version === 0 ? text === "[null,[]]" : (history?.has(text) ?? false);
    holds(isKnown, "a page is at a state that it never had", () => `${id} at ${version}: ${text}`);
    if (isSingle && manner !== "read-only")
      judgeMissing(store, harmed, opened.recovery, id, version);
  }
  if (isSingle && manner !== "read-only") judgeCost(store, harmed, opened.recovery);
  const known = new Set<string>([...pageIds, ...harmed.forgedPages]);
  const isForged = harmed.isResealed;
  for (const { id } of opened.pages.all())
    holds(known.has(id) || isForged, "a page is there that nobody made", () => id);
};

/** Of one harmed file: what is missing of this page is told. */
const judgeMissing = (
  store: FuzzStore,
  harmed: Harmed,
  report: RecoveryReport,
  id: string,
  version: number,
): void => {
  const promised = promisedElsewhere(harmed);
  for (const { seq } of store.written.filter((one) => one.id === id && one.n > version)) {
    const isLost = report.lost.some(([first, last]) => first <= seq && seq <= last);
    if (isLost) continue;
    holds(seq > promised, "what was promised is missing and not told", () => `@${seq} of ${id}`);
    const isTold = report.torn.length + report.damaged.length > 0 || harmed.shortens;
    holds(isTold, "what is missing is not told", () => `@${seq} of ${id}`);
  }
};

interface AnyLine {
  readonly seq?: number;
  readonly lag?: number;
  readonly dur?: number;
  readonly previous?: { readonly last: number };
  readonly sequence?: number;
}

/** The highest sequence that the files which nobody harmed say was durable. */
const promisedElsewhere = ({ files, changed }: Harmed): number => {
  let promised = 0;
  for (const [name, bytes] of files) {
    if (changed.has(name)) continue;
    if (!name.startsWith("wal/") && !name.startsWith("state.")) continue;
    const segment = /^wal\/(\d{20})-\d{8}\.jsonl$/.exec(name);
    if (segment) promised = Math.max(promised, Number(segment[1]) - 1);
    for (const line of promisesIn(name, bytes)) {
      const { seq = 0, lag = 0, dur = 0, previous, sequence = 0 } = line;
      promised = Math.max(promised, seq - lag, dur, previous?.last ?? 0, sequence);
    }
  }
  return promised;
};

const promisesIn = (name: string, bytes: Buffer): AnyLine[] => {
  const text = bytes.toString("latin1");
  if (name.startsWith("state.")) return [JSON.parse(text) as AnyLine];
  const lines = text.split("\n").map((line) => line.replaceAll("\0", ""));
  return lines.flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as AnyLine];
    } catch {
      // The undamaged store may end in what a crash tore.
      return [];
    }
  });
};

const verdictOf = (store: FuzzStore, opened: FuzzedStore): string => {
  const { recovery } = opened;
  const isSame = pageIds.every((id) => {
    const [version, text] = store.final.get(id) ?? [0, "[null,[]]"];
    return opened.pages.version(id) === version && pageText(opened, id) === text;
  });
  if (isSame) return recovery.clean ? "same, quiet" : "same, told";
  if (recovery.lost.length > 0) return "lost, told";
  if (recovery.torn.length > 0) return "torn, told";
  return recovery.clean ? "older, quiet" : "older, told";
};

const dumpOf = (opened: FuzzedStore): string => {
  const ids = new Set([...pageIds, ...[...opened.pages.all()].map(({ id }) => id)]);
  ids.delete(probeId);
  const pages = [...ids]
    .toSorted()
    .map((id) => [id, opened.pages.version(id), pageText(opened, id)]);
  return JSON.stringify([pages, opened.damaged]);
};

/** Opened again it is the same and there is no news, it takes an append, and the append survives. */
const judgeLater = async (store: FuzzStore, first: FuzzedStore): Promise<void> => {
  const dump = dumpOf(first);
  store.sim.powerCut("none");
  const second = await reopened(store, "the second opening");
  judgeNews(second);
  holds(
    dumpOf(second) === dump,
    "the second opening finds another state",
    () => `${dumpOf(second)}\n-- not --\n${dump}`,
  );
  const version = second.pages.version(probeId);
  const type = second.pages.get(probeId) ? "page.marked" : "page.opened";
  await second.pages.mutate(probeId, type, { mark: 1_000_000 });
  store.sim.powerCut("none");
  const third = await reopened(store, "the third opening");
  judgeNews(third);
  holds(third.pages.version(probeId) === version + 1, "an append after a salvage is gone");
  holds(dumpOf(third) === dump, "the third opening finds another state");
  await third.close();
};

const reopened = async (store: FuzzStore, which: string): Promise<FuzzedStore> => {
  try {
    return await open(store, "salvage");
  } catch (error) {
    throw new Finding(`${which} is refused: ${String(error)}`, { cause: error });
  }
};

/** Nothing is found that the first opening did not find. */
const judgeNews = ({ recovery }: FuzzedStore): void => {
  const { lost, damaged, entities, torn } = recovery;
  const news = lost.length + damaged.length + entities.length + torn.length;
  holds(news === 0, "a later opening reports news", () => recovery.toText());
};
