/**
 * What `taskwal export` writes, as those read it who did not write it: a CSV parser, the trace engine of Chrome's
 * DevTools, OpenTelemetry's own protobuf classes.
 *
 * Method: the bundled crashed example, and a store of causes, deletions, hostile texts and a clock that steps back. What
 * must come out is told from the state behind each record in turn, not from what the exports are made of.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import { open, type Gap, type OfflineRecord } from "taskwal/offline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostile, makeRuns } from "./export/make-runs.ts";
import { exampleCrashed, runIn } from "./export/run-export.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-export-"));
afterAll(() => rmSync(root, { recursive: true }));
const run = runIn(root);
const runs = join(root, "runs");
beforeAll(() => makeRuns(runs));

const exported = (dir: string, format: string): string => {
  const { stdout, stderr, status } = run(["export", dir, "--format", format]);
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return stdout;
};

const stores = [
  ["the crashed example", exampleCrashed],
  ["a store of hostile texts", runs],
] as const;

/** Statuses in turn, by entity: from the state behind each record. */
type Stays = ReadonlyMap<string, readonly string[]>;

interface Truth {
  readonly steps: readonly (OfflineRecord | Gap)[];
  readonly stays: Stays;
}

const truthOf = async (dir: string): Promise<Truth> => {
  const offline = await open(dir, { cacheDir: false });
  const steps: (OfflineRecord | Gap)[] = [];
  const stays = new Map<string, string[]>();
  const current = new Map<string, string>();
  for await (const step of offline.records()) {
    steps.push(step);
    if (step.kind === "gap" || step.entity === undefined || step.id === undefined) continue;
    const key = `${step.entity} ${step.id}`;
    const state = await offline.stateAt(step.sequence);
    const value = await state.get({ entity: step.entity, id: step.id });
    const status = (value as { readonly status?: string } | undefined)?.status;
    if (status === undefined) current.delete(key);
    else if (status !== current.get(key)) {
      current.set(key, status);
      stays.set(key, [...(stays.get(key) ?? []), status]);
    }
  }
  await offline.close();
  return { steps, stays };
};

/** As a terminal may have it: CSV cells are one line. */
const visible = /^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202E]*$/u;

describe.each(stores)("of %s", (_, dir) => {
  let truth: Truth;
  beforeAll(async () => {
    truth = await truthOf(dir);
  });

  it("CSV is read back as the same records and gaps, with no formula and no line end in a cell", () => {
    const text = exported(dir, "csv");
    const rows = parse<Record<string, string>>(text, { columns: true, record_delimiter: "\r\n" });
    expect(rows.map(({ kind, sequence }) => `${kind} ${sequence}`)).toEqual(
      truth.steps.map((step) =>
        step.kind === "gap" ? `gap ${step.from}` : `record ${step.sequence}`,
      ),
    );
    for (const [index, row] of rows.entries()) {
      const step = truth.steps[index];
      for (const cell of Object.values(row)) {
        expect(cell).toMatch(visible);
        expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      }
      if (step?.kind === "record") expect(JSON.parse(row["data"] ?? "")).toEqual(step.data);
    }
  });

  it("a Chrome trace is read by the engine of DevTools: each entity a track, each stay in a status a slice", () => {
    const tracks = tracksOf(exported(dir, "perfetto"));
    const read = tracks
      .filter(({ process: name }) => name !== "store")
      .map(({ process: kind, thread, slices }) => [
        `${kind} ${thread}`,
        slices.map(({ name }) => name).toSorted(),
      ]);
    // Of those that begin at one time the engine puts the longest first: their order is that of OTLP, below.
    expect(new Map(read as [string, string[]][])).toEqual(
      new Map([...truth.stays].map(([key, stays]) => [key, stays.toSorted()])),
    );
    // On one level: nothing overlaps, so nothing is pushed into a track of its own.
    for (const { slices } of tracks)
      for (const { depth } of slices) expect([0, undefined]).toContain(depth);
  });

  it("OTLP/JSON is read by OpenTelemetry's own classes and comes back as it was, a trace an entity", () => {
    const spans = exported(dir, "otlp").trimEnd().split("\n").map(spansOfLine);
    const ids = spans.flat().map(({ traceId, spanId }) => `${traceId}-${spanId}`);
    expect(new Set(ids).size).toBe(ids.length);
    const stays = spans
      .filter((line) => !line[0]?.name.startsWith("boot "))
      .map((line) => [line.at(-1)?.name, line.slice(0, -1).map(({ name }) => name)] as const);
    expect(new Map(stays as [string, string[]][])).toEqual(truth.stays);
    const told = spans.flatMap((line) => line.flatMap(sequencesOf)).toSorted((a, b) => a - b);
    const records = truth.steps.flatMap((step) =>
      step.kind === "record" && step.id !== undefined ? [step.sequence] : [],
    );
    expect(told).toEqual(records);
    for (const line of spans) expectOneTrace(line);
  });
});

interface Track {
  readonly process: string;
  readonly thread: string;
  readonly slices: readonly { readonly name: string; readonly depth?: number }[];
}

const reader = fileURLToPath(new URL("export/read-chrome-trace.mjs", import.meta.url));

const tracksOf = (text: string): readonly Track[] => {
  const file = join(root, "trace.json");
  writeFileSync(file, text);
  const { stdout, stderr } = spawnSync(process.execPath, [reader, file], { encoding: "utf8" });
  expect(stderr).toBe("");
  const { isGeneric, tracks } = JSON.parse(stdout) as { isGeneric: boolean; tracks: Track[] };
  expect(isGeneric).toBe(true);
  return tracks;
};

interface Attribute {
  readonly key: string;
  readonly value: { readonly intValue?: string };
}

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly events?: readonly { readonly attributes: readonly Attribute[] }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

interface Traces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

interface Message {
  fromObject(object: object): object;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
  toObject(message: object, options: object): object;
}

/** Generated from the .proto files that OpenTelemetry publishes; the package does not export them by a name. */
const requestMessage = ((): Message => {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("@opentelemetry/otlp-transformer"));
  const root = require(join(folder, "generated/root.js")) as {
    opentelemetry: {
      proto: { collector: { trace: { v1: { ExportTraceServiceRequest: Message } } } };
    };
  };
  return root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
})();

/** Ids are hex in OTLP's JSON and bytes in its messages: that mapping is the specification's own. */
const withBytes = (line: Traces): Traces => {
  for (const { scopeSpans } of line.resourceSpans)
    for (const { spans } of scopeSpans)
      for (const span of spans)
        for (const holder of [span, ...(span.links ?? [])])
          for (const [name, length] of [
            ["traceId", 16],
            ["spanId", 8],
            ["parentSpanId", 8],
          ] as const) {
            const id = (holder as Partial<Span>)[name];
            if (id === undefined) continue;
            expect(id).toMatch(new RegExp(`^[0-9a-f]{${2 * length}}$`));
            Object.assign(holder, { [name]: Buffer.from(id, "hex") });
          }
  return line;
};

/** A field that the schema does not have, or a value of another type, does not come back. */
const spansOfLine = (text: string): readonly Span[] => {
  const message = requestMessage.fromObject(withBytes(JSON.parse(text) as Traces));
  const back = requestMessage.toObject(
    requestMessage.decode(requestMessage.encode(message).finish()),
    { longs: String, bytes: Buffer },
  );
  expect(back).toEqual(withBytes(JSON.parse(text) as Traces));
  const { resourceSpans } = JSON.parse(text) as Traces;
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
};

const sequencesOf = ({ name, events = [] }: Span): readonly number[] =>
  name.startsWith("boot ")
    ? []
    : events.flatMap(({ attributes }) =>
        attributes.flatMap(({ key, value }) =>
          key === "taskwal.sequence" ? [Number(value.intValue)] : [],
        ),
      );

/** The last one is the root; all others are its children, one after the other, and within it. */
const expectOneTrace = (line: readonly Span[]): void => {
  const root = line.at(-1);
  let before = 0n;
  for (const span of line) {
    const [start, end] = [BigInt(span.startTimeUnixNano), BigInt(span.endTimeUnixNano)];
    expect(end).toBeGreaterThanOrEqual(start);
    expect(span.traceId).toBe(root?.traceId);
    if (span === root) expect(span.parentSpanId).toBeUndefined();
    else {
      expect(span.parentSpanId).toBe(root?.spanId);
      expect(start).toBeGreaterThanOrEqual(before);
      expect(start).toBeGreaterThanOrEqual(BigInt(root?.startTimeUnixNano ?? 0));
      expect(end).toBeLessThanOrEqual(BigInt(root?.endTimeUnixNano ?? 0));
      before = end;
    }
  }
};

describe("of a store of hostile texts", () => {
  it("links lead to the trace of the entity that was the cause", () => {
    const spans = exported(runs, "otlp").trimEnd().split("\n").flatMap(spansOfLine);
    const links = spans.flatMap(({ links: own = [] }) => own);
    // b because of a; one for each hostile id because of b.
    expect(links.length).toBe(1 + hostile.length);
    for (const { traceId, spanId } of links)
      expect(spans.some((span) => span.traceId === traceId && span.spanId === spanId)).toBe(true);
  });

  it("each arrow of a trace begins and ends in a slice of its track", () => {
    interface Event {
      readonly ph: string;
      readonly pid: number;
      readonly tid: number;
      readonly ts: number;
      readonly dur: number;
      readonly id?: number;
      readonly args?: { readonly sequence?: number; readonly cause?: number };
    }
    const events = JSON.parse(exported(runs, "perfetto")) as Event[];
    const slices = events.filter(({ ph }) => ph === "X");
    const ends = events.filter(({ ph }) => ph === "s" || ph === "f");
    const atOf = new Map(events.map(({ args, ts }) => [args?.sequence, ts]));
    const caused = events.filter(({ args }) => args?.cause !== undefined);
    expect(caused.length).toBe(1 + hostile.length);
    // The clock stepped back behind the cause of the first ones: those would lead back in time.
    const forward = caused.filter(({ args, ts }) => (atOf.get(args?.cause) ?? 0) <= ts);
    expect(forward.length).toBeGreaterThan(3);
    expect(forward.length).toBeLessThan(caused.length);
    expect(ends.length).toBe(2 * forward.length);
    for (const { pid, tid, ts, id } of ends) {
      expect(ends.filter((other) => other.id === id).map(({ ph }) => ph)).toEqual(["s", "f"]);
      const own = slices.filter((slice) => slice.pid === pid && slice.tid === tid);
      expect(own.some((slice) => slice.ts <= ts && ts <= slice.ts + slice.dur)).toBe(true);
    }
    for (const { ph, ts, dur } of events) {
      if (ph !== "M") expect(ts).toBeGreaterThanOrEqual(0);
      if (ph === "X") expect(dur).toBeGreaterThanOrEqual(0);
    }
  });
});
