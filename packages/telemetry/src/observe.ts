/**
 * What is measured, as instruments of an OpenTelemetry meter.
 *
 *     events ─ state:saved, recovered, log:synced ─> histograms
 *     a collection ─> telemetry(), health() ───────> counters, gauges
 *
 * The rule: of `@opentelemetry/api` only types are used, so that nobody needs it who does not measure with it.
 */
import type { BatchObservableCallback, Meter } from "@opentelemetry/api";
import type { Health, RecoveryReport, StoreEvents, Telemetry } from "@taskwal/core";
import { amounts, durations, type Duration } from "./metrics.ts";

/** Any store: of tasks, of another model, read-only. */
export interface ObservedStore {
  readonly recovery: Pick<RecoveryReport, "durationMs">;
  on<Name extends "recovered" | "state:saved" | "log:synced" | "closed">(
    name: Name,
    listener: (...facts: StoreEvents[Name]) => void,
  ): () => void;
  telemetry(): Telemetry;
  health(): Promise<Health>;
}

/**
 * Measures a store until it is closed, or until the function that is returned is called. The opening before is recorded
 * at once; counters say what `telemetry()` does, from the opening on. Each collection asks `health()` once.
 */
export const observe = (store: ObservedStore, meter: Meter): (() => void) => {
  const boundaries = store.telemetry().loads.upTo.map(({ boundMs }) => boundMs / 1_000);
  const recorder = ({ name, help, unit }: Duration): ((durationMs: number) => void) => {
    const advice = { explicitBucketBoundaries: boundaries };
    const histogram = meter.createHistogram(name, { description: help, unit, advice });
    return (durationMs) => histogram.record(durationMs / 1_000);
  };
  const [loaded, saved, synced] = [durations.load, durations.save, durations.sync].map(recorder);
  loaded?.(store.recovery.durationMs);

  const instruments = amounts.map(({ name, help, unit, kind, read }) => {
    const options = { description: help, unit };
    const instrument =
      kind === "counter"
        ? meter.createObservableCounter(name, options)
        : meter.createObservableGauge(name, options);
    return { instrument, read };
  });
  const observables = instruments.map(({ instrument }) => instrument);
  const look: BatchObservableCallback = async (result) => {
    const seen = { telemetry: store.telemetry(), health: await store.health() };
    for (const { instrument, read } of instruments) {
      for (const { value, labels } of read(seen)) result.observe(instrument, value, labels);
    }
  };
  meter.addBatchObservableCallback(look, observables);

  const stops = [
    store.on("recovered", ({ durationMs }) => loaded?.(durationMs)),
    store.on("state:saved", ({ durationMs }) => saved?.(durationMs)),
    store.on("log:synced", ({ durationMs }) => synced?.(durationMs)),
    store.on("closed", () => stop()),
    () => meter.removeBatchObservableCallback(look, observables),
  ];
  const stop = (): void => {
    for (const each of stops.splice(0)) each();
  };
  return stop;
};
