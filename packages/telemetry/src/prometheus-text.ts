/**
 * What is measured, as a page that Prometheus scrapes: its text format, version 0.0.4.
 *
 *     # HELP taskwal_disk_written_bytes_total Bytes handed to the disk, by part of the directory.
 *     # TYPE taskwal_disk_written_bytes_total counter
 *     taskwal_disk_written_bytes_total{part="log"} 4711
 *
 * The rule: a name is made from OpenTelemetry's as its exporter makes it: dots become underscores, then the unit, then
 * `_total` of a counter.
 */
import type { Health, HistogramReading, Telemetry } from "@taskwal/core";
import { amounts, durations, type Amount, type Duration, type Point } from "./metrics.ts";

/**
 * One store as Prometheus text; serve it as `text/plain; version=0.0.4`. Give what `store.telemetry()` returned and what
 * `store.health()` resolved with. Pure.
 */
export const prometheusText = (telemetry: Telemetry, health: Health): string =>
  [
    ...Object.values(durations).flatMap((each) =>
      family(each, "histogram", buckets(each.read(telemetry))),
    ),
    ...amounts.flatMap((each) =>
      family(each, each.kind, each.read({ telemetry, health }).map(sampleOf)),
    ),
  ]
    .map((line) => `${line}\n`)
    .join("");

/** What follows a name: `_count 3`, `{part="log"} 17`. */
type Sample = string;

const unitSuffixes: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };

const nameOf = ({ name, unit }: Amount | Duration, kind: string): string =>
  `${name.replaceAll(".", "_")}${unitSuffixes[unit] ?? ""}${kind === "counter" ? "_total" : ""}`;

/** Nothing to say of a metric: no word of it. */
const family = (
  metric: Amount | Duration,
  kind: "histogram" | "counter" | "gauge",
  samples: readonly Sample[],
): string[] => {
  if (samples.length === 0) return [];
  const name = nameOf(metric, kind);
  return [
    `# HELP ${name} ${metric.help}`,
    `# TYPE ${name} ${kind}`,
    ...samples.map((sample) => `${name}${sample}`),
  ];
};

/** As Prometheus spells numbers. */
const numberOf = (value: number): string =>
  Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";

/** Values of labels are words of metrics.ts: nothing in them needs an escape. */
const sampleOf = ({ value, labels }: Point): Sample => {
  const pairs = Object.entries(labels).map(([key, label]) => `${key}="${label}"`);
  return `${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${numberOf(value)}`;
};

const buckets = ({ upTo, count, sumMs }: HistogramReading): readonly Sample[] => [
  ...upTo.map((each) => `_bucket{le="${numberOf(each.boundMs / 1_000)}"} ${each.count}`),
  `_bucket{le="+Inf"} ${count}`,
  `_sum ${numberOf(sumMs / 1_000)}`,
  `_count ${count}`,
];
