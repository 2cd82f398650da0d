/**
 * The door for what watches a store: Prometheus, OpenTelemetry, `debug`.
 *
 * The rule: `index.ts` never imports it, so a program that watches nothing loads none of it.
 */
export {
  debugLogger,
  observe,
  prometheusText,
  type DebuggedStore,
  type ObservedStore,
} from "@taskwal/telemetry";
