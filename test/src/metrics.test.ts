/**
 * What is published of a store is what it counted and how it is: as Prometheus text, and as metrics of OpenTelemetry.
 *
 *     a store ─┬─ prometheusText ─> parse-prometheus-text-format
 *              └─ observe ─> the SDK of OpenTelemetry ─> a collection
 */
import type { Attributes } from "@opentelemetry/api";
import {
  DataPointType,
  MeterProvider,
  MetricReader,
  type MetricData,
} from "@opentelemetry/sdk-metrics";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import parse from "parse-prometheus-text-format";
import { observe, prometheusText, type ObservedStore } from "taskwal/telemetry";
import { expect, test } from "vitest";
import { openNotes, refusalOf, type NoteStore } from "./world/note-model.ts";

const textOf = async (store: NoteStore): Promise<string> =>
  prometheusText(store.telemetry(), await store.health());

/** A store in which something of everything has happened: saves, a backup, a save and a write that failed. */
const lived = async (sim: SimDisk): Promise<NoteStore> => {
  const store = await openNotes(sim.process());
  await store.notes.mutate("a", "note.created", { text: "one" });
  await store.snapshot();
  await store.notes.append("a", "lines", { text: "two" });
  sim.fail(({ kind, path }) => kind === "rename" && path.includes("state.json"), "EIO");
  await refusalOf(store.snapshot());
  const slow = sim.hang(({ kind, path }) => kind === "create" && path.includes("state.json"));
  const saved = store.snapshot();
  for (let turn = 0; turn < 5; turn += 1) await sim.clock.yield();
  sim.clock.advance(1_234);
  slow();
  await saved;
  await store.notes.append("a", "lines", { text: "three" });
  sim.clock.advance(5_000);
  // The log writes its idle mark meanwhile.
  for (let turn = 0; turn < 20; turn += 1) await sim.clock.yield();
  return store;
};

const openDisk = (): SimDisk =>
  createSimDisk({ capacityBytes: 8 * 1024 ** 3, startMs: Date.UTC(2026, 0, 2) });

test("every line of the text is a sample, a help or a type as the format spells them, each family once and in one piece", async () => {
  const store = await lived(openDisk());
  const text = await textOf(store);
  expect(text.endsWith("\n")).toBe(true);
  const [name, number] = [
    "[a-zA-Z_:][a-zA-Z0-9_:]*",
    String.raw`(?:[+-]?Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)`,
  ];
  const label = String.raw`[a-z_]+="[^"\\\n]*"`;
  const families: string[] = [];
  for (const line of text.trimEnd().split("\n")) {
    const help = new RegExp(String.raw`^# HELP (${name}) [^\\\n]+$`).exec(line)?.[1];
    if (help !== undefined) {
      families.push(help);
      continue;
    }
    const type = new RegExp(`^# TYPE (${name}) (counter|gauge|histogram)$`).exec(line);
    const sample = new RegExp(`^(${name})(?:\\{${label}(?:,${label})*\\})? ${number}$`).exec(line);
    const named = (type ?? sample)?.[1] ?? "?";
    expect(named.replace(/_(bucket|sum|count)$/, ""), line).toBe(families.at(-1));
  }
  expect(new Set(families).size).toBe(families.length);
  expect(families.length).toBeGreaterThan(25);
  await store.close();
});

test("a parser of the format reads the numbers that the store counted, in seconds and bytes", async () => {
  const store = await lived(openDisk());
  const [telemetry, health] = [store.telemetry(), await store.health()];
  const families = new Map(
    parse(prometheusText(telemetry, health)).map((each) => [each.name, each]),
  );
  const valueOf = (name: string, labels?: Record<string, string>): number | undefined => {
    const found = families
      .get(`taskwal_${name}`)
      ?.metrics.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels));
    return found?.value === undefined ? undefined : Number(found.value);
  };
  for (const { name, type, help } of families.values()) {
    expect(name).toMatch(/^taskwal_/);
    expect(help.length, name).toBeGreaterThan(10);
    expect(name.endsWith("_total"), name).toBe(type === "COUNTER");
  }
  const saves = families.get("taskwal_save_duration_seconds");
  expect(saves?.type).toBe("HISTOGRAM");
  expect(saves?.metrics[0]).toMatchObject({ count: "2", sum: "1.234" });
  expect(saves?.metrics[0]?.buckets).toMatchObject({
    "0.0001": "1",
    "1": "1",
    "2.5": "2",
    "+Inf": "2",
  });
  expect(families.get("taskwal_load_duration_seconds")?.metrics[0]?.count).toBe("1");

  expect(valueOf("save_failures_total")).toBe(1);
  expect(valueOf("backup_created_total")).toBe(1);
  expect(valueOf("log_records_total")).toBe(telemetry.records);
  expect(valueOf("disk_failures_total")).toBe(1);
  expect(valueOf("disk_written_bytes_total", { part: "log" })).toBe(telemetry.writtenBytes.log);
  expect(valueOf("disk_free_bytes")).toBe(health.disk?.freeBytes);
  expect(valueOf("directory_files", { part: "backups" })).toBe(1);
  expect(valueOf("directory_size_bytes", { part: "snapshot" })).toBe(
    health.directory.usage?.snapshot.bytes,
  );
  expect(valueOf("save_last_timestamp_seconds")).toBe((health.saves.last?.atMs ?? 0) / 1_000);
  expect(valueOf("save_lag_records")).toBe(1);
  expect(valueOf("save_lag_duration_seconds")).toBe(5);
  expect(valueOf("log_durable")).toBe(store.sequence);
  expect(["ok", "degraded", "failed"].map((status) => valueOf("status", { status }))).toEqual([
    1, 0, 0,
  ]);
  await store.close();
});

test("what the disk does not say has no line, and no number is made up for it", async () => {
  const sim = openDisk();
  const store = await openNotes(sim.process());
  sim.fail(({ kind }) => kind === "fileSystem" || kind === "stat", "EIO", { times: "forever" });
  const text = await textOf(store);
  sim.clearFaults();
  for (const absent of ["disk_free", "disk_size", "directory_size", "directory_files", "save_last"])
    expect(text).not.toContain(`taskwal_${absent}`);
  expect(text).toContain('taskwal_status{status="degraded"} 1\n');
  expect(text).not.toMatch(/undefined|NaN/);
  expect(await textOf(store)).toContain("taskwal_disk_free_bytes");
  await store.close();
});

class CollectingReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** A meter of the real SDK, and what a collection finds. */
const openMeter = () => {
  const reader = new CollectingReader();
  const provider = new MeterProvider({ readers: [reader] });
  const collect = async (): Promise<Map<string, MetricData>> => {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    return new Map(
      resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
        metrics.map((each) => [each.descriptor.name, each]),
      ),
    );
  };
  return { meter: provider.getMeter("test"), collect };
};

const numberAt = (data: MetricData | undefined, labels: Attributes = {}): unknown =>
  data?.dataPoints.find(({ attributes }) => JSON.stringify(attributes) === JSON.stringify(labels))
    ?.value;

test("OpenTelemetry's collection holds durations of loads and saves, failures, disk usage and counts of files", async () => {
  const sim = openDisk();
  const store = await openNotes(sim.process());
  const { meter, collect } = openMeter();
  observe(store, meter);
  await store.notes.mutate("a", "note.created", { text: "one" });
  await store.snapshot();
  await store.notes.mutate("a", "note.edited", { text: "two" });
  sim.fail(({ kind, path }) => kind === "rename" && path.includes("state.json"), "EIO");
  await refusalOf(store.snapshot());
  await store.snapshot();
  await store.reopen();
  const seen = await collect();
  const [telemetry, { directory, disk }] = [store.telemetry(), await store.health()];
  const countOf = (name: string): unknown =>
    (numberAt(seen.get(name)) as { count: number } | undefined)?.count;
  expect(seen.get("taskwal.save.duration")).toMatchObject({
    dataPointType: DataPointType.HISTOGRAM,
    descriptor: { unit: "s" },
  });
  expect(countOf("taskwal.load.duration")).toBe(2);
  expect(countOf("taskwal.save.duration")).toBe(telemetry.saves.count);
  expect(countOf("taskwal.log.sync.duration")).toBeGreaterThanOrEqual(2);
  expect(numberAt(seen.get("taskwal.save.failures"))).toBe(1);
  expect(numberAt(seen.get("taskwal.disk.free"))).toBe(disk?.freeBytes);
  expect(numberAt(seen.get("taskwal.directory.size"), { part: "log" })).toBe(
    directory.usage?.log.bytes,
  );
  expect(numberAt(seen.get("taskwal.directory.files"), { part: "backups" })).toBe(1);
  expect(numberAt(seen.get("taskwal.log.records"))).toBe(telemetry.records);
  await store.close();
});

test("both publish the same metrics, and the same numbers", async () => {
  const store = await lived(openDisk());
  const { meter, collect } = openMeter();
  const stop = observe(store, meter);
  const [seen, text] = [await collect(), await textOf(store)];
  stop();
  const suffixes: Record<string, string> = { s: "_seconds", By: "_bytes" };
  let compared = 0;
  for (const [name, data] of seen) {
    if (data.dataPointType === DataPointType.HISTOGRAM) continue;
    const { unit } = data.descriptor;
    const isCounter = data.dataPointType === DataPointType.SUM;
    const spelt = `${name.replaceAll(".", "_")}${suffixes[unit] ?? ""}${isCounter ? "_total" : ""}`;
    for (const { attributes, value } of data.dataPoints) {
      const labels = Object.entries(attributes).map(([key, word]) => `${key}="${String(word)}"`);
      const sample = `${spelt}${labels.length > 0 ? `{${labels.join()}}` : ""} ${JSON.stringify(value)}\n`;
      expect(text).toContain(sample);
      compared += 1;
    }
  }
  const samples = text
    .split("\n")
    .filter((line) => /^\w/.test(line) && !/_(bucket|sum|count)/.test(line.split(/[ {]/)[0] ?? ""));
  expect(compared).toBe(samples.length);
  await store.close();
});

test("after the store's close, or once it is told to stop, a collection asks the store no more", async () => {
  const { meter, collect } = openMeter();
  const store = await openNotes(createSimDisk().process());
  let asked = 0;
  const counted: ObservedStore = {
    recovery: store.recovery,
    on: (name, listener) => store.on(name, listener),
    telemetry: () => store.telemetry(),
    health: () => {
      asked += 1;
      return store.health();
    },
  };
  const askedBy = async (): Promise<number> => {
    const before = asked;
    await collect();
    return asked - before;
  };
  const stop = observe(counted, meter);
  expect(await askedBy()).toBe(1);
  stop();
  stop();
  expect(await askedBy()).toBe(0);
  observe(counted, meter);
  expect(await askedBy()).toBe(1);
  await store.close();
  expect(await askedBy()).toBe(0);
});
