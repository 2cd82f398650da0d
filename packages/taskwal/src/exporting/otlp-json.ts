/**
 * Texts of OTLP's JSON encoding: ids are hex, enums are numbers, 64-bit numbers are strings, names are lowerCamelCase.
 *
 * The rule: ids come from the store and what the span is about, so the same span has the same id in every export.
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding)
 */
import { createHash } from "node:crypto";
import { plainJson } from "../reading/plain-text.ts";

export interface SpanId {
  /** 16 bytes, hex. */
  readonly traceId: string;
  /** 8 bytes, hex. */
  readonly spanId: string;
}

type AttributeValue = string | number | boolean | readonly string[] | undefined;

/** Opentelemetry's SPAN_KIND_INTERNAL. */
export const internalKind = 1;
/** STATUS_CODE_ERROR. */
export const errorCode = 2;

/** The root span of a trace. */
export const rootId = (...about: readonly (string | number)[]): SpanId => {
  const traceId = digest(["trace", ...about]).slice(0, 32);
  return { traceId, spanId: digest(["span", traceId]).slice(0, 16) };
};

/** A span in the trace of a root. */
export const childId = ({ traceId }: SpanId, about: number): SpanId => ({
  traceId,
  spanId: digest(["span", traceId, about]).slice(0, 16),
});

const digest = (parts: readonly (string | number)[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex");

/** Nanoseconds since the epoch, as the encoding has them, of `us` microseconds behind `startMs`. */
export const nanoseconds = (startMs: number, us: number): string =>
  String((BigInt(Math.max(0, Math.round(startMs * 1_000))) + BigInt(us)) * 1_000n);

/** Without those that are undefined. */
export const attributes = (values: Readonly<Record<string, AttributeValue>>): readonly object[] =>
  Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  );

const anyValue = (value: NonNullable<AttributeValue>): object => {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value !== "number") return { arrayValue: { values: value.map(anyValue) } };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
};

/** `"a":1,"b":2` of an object: for a text that is written piece by piece. */
export const members = (of: object): string => plainJson(of).slice(1, -1);
