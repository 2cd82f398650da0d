/** What watches a store from outside: metrics for OpenTelemetry and Prometheus, lines for a person who debugs. */
export { debugLogger, type DebuggedStore } from "./debug-logger.ts";
export { observe, type ObservedStore } from "./observe.ts";
export { prometheusText } from "./prometheus-text.ts";
