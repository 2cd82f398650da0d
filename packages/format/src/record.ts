/**
 * What a line of a segment can be: header, record, idle marker, seal.
 *
 *     {"crc":…,"format":1,"store":…,"first":4711,"epoch":2,"previous":{…}}     header: the first line
 *     {"crc":…,"seq":4711,"lag":1,"at":…,"type":…,"id":…,"n":8,"data":{…}}     record
 *     {"crc":…,"dur":4713}                                                     idle marker
 *     {"crc":…,"seal":{"last":4713,"count":3,"sha256":…}}                      seal: the last line
 *
 * The rule: a field this code does not know is a newer format, never ignored.
 */
import { invariant } from "@taskwal/errors";

import { quoted } from "./json-text.ts";
import type { JsonValue } from "./json-value.ts";
import { transactionRecordsMax } from "./limits.ts";

/** How a segment names the one before it, and where that one ends. */
export interface PreviousSegment {
  readonly first: number;
  readonly epoch: number;
  /** Its last sequence; also a promise that all up to here was durable. */
  readonly last: number;
  /** Its bytes up to here belong to the log; later ones were overridden. */
  readonly bytes: number;
  /** SHA-256 of those bytes, hex; absent if they could not all be read when it was written. */
  readonly sha256?: string;
}

export interface SegmentHeader {
  readonly format: number;
  /** 128 random bits, hex. */
  readonly store: string;
  readonly first: number;
  readonly epoch: number;
  readonly previous?: PreviousSegment;
  /** The store that this one was forked or restored from. */
  readonly parent?: { readonly store: string; readonly last: number; readonly sha256: string };
}

export interface SegmentSeal {
  readonly last: number;
  /** Records in the segment. */
  readonly count: number;
  /** SHA-256 of all bytes before the seal's line, hex. */
  readonly sha256: string;
}

/** A durable mutation, or a system record (type begins with "$", no id). */
export interface LogRecord {
  readonly seq: number;
  /** seq - lag is the durable watermark when this line was encoded. */
  readonly lag: number;
  /** Milliseconds since the epoch, from the injected clock. Data, never an order. */
  readonly at: number;
  readonly type: string;
  /** Version of the payload's schema; absent means 1. */
  readonly v?: number;
  readonly id?: string;
  /** The entity's version after this record: the count of its mutations. */
  readonly n?: number;
  /** [i, n]: member i (from 1) of a transaction of n. */
  readonly tx?: readonly [number, number];
  readonly actor?: string;
  /** The sequence because of which this was done. */
  readonly cause?: number;
  readonly key?: string;
  readonly trace?: string;
  readonly data: JsonValue;
}

export type Line =
  | { readonly kind: "header"; readonly header: SegmentHeader }
  | { readonly kind: "record"; readonly record: LogRecord }
  | { readonly kind: "marker"; readonly durable: number }
  | { readonly kind: "seal"; readonly seal: SegmentSeal }
  | { readonly kind: "unknown"; readonly field: string };

/** The facts of a record that is about to be written; `dataJson` is its payload as JSON text. */
export type RecordDraft = Omit<LogRecord, "seq" | "lag" | "data">;

/**
 * The body of a record's line, in the order of the fields. A time that JSON cannot hold, or a payload
 * of more than one line, would make a line that verifies and never reads again: both break an invariant.
 */
export const recordBody = (
  draft: RecordDraft,
  dataJson: string,
  seq: number,
  lag: number,
): string => {
  invariant(Number.isFinite(draft.at), "the time of a record is a finite number");
  invariant(
    draft.tx === undefined || isMembership(draft.tx),
    "a member of a transaction is counted",
  );
  invariant(!dataJson.includes("\n"), "a payload is one line");
  let body = `"seq":${seq},"lag":${lag},"at":${draft.at},"type":${quoted(draft.type)}`;
  if (draft.v !== undefined && draft.v !== 1) body += `,"v":${draft.v}`;
  if (draft.id !== undefined) body += `,"id":${quoted(draft.id)}`;
  if (draft.n !== undefined) body += `,"n":${draft.n}`;
  if (draft.tx !== undefined) body += `,"tx":[${draft.tx[0]},${draft.tx[1]}]`;
  if (draft.actor !== undefined) body += `,"actor":${quoted(draft.actor)}`;
  if (draft.cause !== undefined) body += `,"cause":${draft.cause}`;
  if (draft.key !== undefined) body += `,"key":${quoted(draft.key)}`;
  if (draft.trace !== undefined) body += `,"trace":${quoted(draft.trace)}`;
  return `${body},"data":${dataJson}}`;
};

/** The body of any other line: a JSON object's text without its opening brace. */
export const objectBody = (value: object): string => JSON.stringify(value).slice(1);
export const headerBody = (header: SegmentHeader): string => objectBody(header);
export const markerBody = (durable: number): string => `"dur":${durable}}`;
export const sealBody = (seal: SegmentSeal): string => objectBody({ seal });

const fieldsOf = (names: string): ReadonlySet<string> => new Set(names.split(" "));
const recordFields = fieldsOf("crc seq lag at type v id n tx actor cause key trace data");
const markerFields = fieldsOf("crc dur");
const sealLineFields = fieldsOf("crc seal");
const sealFields = fieldsOf("last count sha256");

const unknownField = (value: object, known: ReadonlySet<string>): string | undefined => {
  for (const field in value) if (!known.has(field)) return field;
  return undefined;
};

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) > 0;

const isCountIfThere = (value: unknown): boolean => value === undefined || isCount(value);
const isTextIfThere = (value: unknown): boolean => value === undefined || typeof value === "string";

const unknown = (field: string): Line => ({ kind: "unknown", field });

/**
 * What a verified, parsed line is. `unknown` names the field that a newer version must have added, or
 * whose value this version would not have written. A header's fields are its reader's to judge: the
 * format that it names comes first.
 */
export const lineOf = (value: unknown): Line => {
  if (typeof value !== "object" || value === null) return unknown("(no object)");
  if ("seq" in value) return recordOf(value);
  if ("dur" in value) return markerOf(value);
  if ("seal" in value) return sealOf(value);
  if ("format" in value) return { kind: "header", header: value as unknown as SegmentHeader };
  return unknown(unknownField(value, markerFields) ?? "(none)");
};

const recordOf = (value: object): Line => {
  const field = unknownField(value, recordFields) ?? oddField(value);
  return field === undefined ? { kind: "record", record: value as LogRecord } : unknown(field);
};

/** What recovery computes with must be what this code writes. */
const oddField = (record: Partial<LogRecord>): string | undefined => {
  const { seq, lag, at, type, tx, data } = record;
  if (!isCount(seq)) return "seq";
  if (!isCount(lag) || lag > seq) return "lag";
  if (!Number.isFinite(at)) return "at";
  if (typeof type !== "string") return "type";
  if (tx !== undefined && !isMembership(tx)) return "tx";
  return oddOption(record) ?? (data === undefined ? "data" : undefined);
};

const oddOption = ({
  v,
  n,
  cause,
  id,
  actor,
  key,
  trace,
}: Partial<LogRecord>): string | undefined => {
  if (!isCountIfThere(v)) return "v";
  if (!isCountIfThere(n)) return "n";
  if (!isCountIfThere(cause)) return "cause";
  if (!isTextIfThere(id)) return "id";
  if (!isTextIfThere(actor)) return "actor";
  if (!isTextIfThere(key)) return "key";
  return isTextIfThere(trace) ? undefined : "trace";
};

const isMembership = (tx: unknown): boolean => {
  if (!Array.isArray(tx) || tx.length !== 2) return false;
  const [index, count] = tx as unknown[];
  return isCount(index) && isCount(count) && index <= count && count <= transactionRecordsMax;
};

const markerOf = (value: { readonly dur: unknown }): Line => {
  const field = unknownField(value, markerFields);
  if (field !== undefined) return unknown(field);
  const { dur } = value;
  return isCount(dur) || dur === 0 ? { kind: "marker", durable: dur } : unknown("dur");
};

const sealOf = (value: { readonly seal: unknown }): Line => {
  const { seal } = value;
  if (typeof seal !== "object" || seal === null) return unknown("seal");
  const field = unknownField(value, sealLineFields) ?? unknownField(seal, sealFields);
  if (field !== undefined) return unknown(field);
  const { last } = seal as SegmentSeal;
  return isCount(last) || last === 0
    ? { kind: "seal", seal: seal as SegmentSeal }
    : unknown("last");
};

/** System records belong to the engine: reducers never see them. */
export const isSystemType = (type: string): boolean => type.startsWith("$");
