/**
 * A snapshot file as an outsider sees it: JSON, with a checksum over all that stands before it.
 *
 * The rule: read here a second time, without the engine, so that writer and reader cannot agree on a
 * mistake.
 */
import { createHash } from "node:crypto";
import { dumpLine, dumpOf, type Dump } from "./ledger.ts";

export interface SnapshotFile {
  readonly sequence: number;
  readonly dump: Dump;
}

/** How a collection is called in the engine's part, and its list. */
export type Collections = Readonly<
  Record<string, { readonly entity: string; readonly list: string }>
>;

type Entity = Readonly<Record<string, unknown>> & { readonly id: string };
type Versions = Readonly<Record<string, Readonly<Record<string, number>>>>;

interface Content {
  readonly sequence: number;
  readonly engine: { readonly versions: Versions; readonly deleted: Versions };
  readonly [collection: string]: unknown;
}

/** Throws with the reason if it is not whole. */
export const readSnapshotFile = (bytes: Uint8Array, collections: Collections): SnapshotFile => {
  const text = Buffer.from(bytes).toString("utf8");
  const content = JSON.parse(text) as Content;
  const claimed = /"checksum":"sha256:([0-9a-f]{64})"\}\n$/.exec(text);
  if (!claimed) throw new Error("its last line is no checksum");
  const body = bytes.subarray(0, bytes.length - claimed[0].length);
  const found = createHash("sha256").update(body).digest("hex");
  if (found !== claimed[1]) throw new Error("its checksum is of other bytes");
  return { sequence: content.sequence, dump: dumpOf([...dumpLines(content, collections)]) };
};

function* dumpLines({ engine, ...content }: Content, collections: Collections): Generator<string> {
  for (const [key, { entity, list }] of Object.entries(collections)) {
    for (const { [list]: lines = [], ...value } of content[key] as readonly Entity[]) {
      const id = value["id"] as string;
      const version = engine.versions[entity]?.[id] ?? 0;
      yield dumpLine(`${key}/${id}`, { version, value, lines: lines as unknown[] });
    }
    for (const [id, version] of Object.entries(engine.deleted[entity] ?? {})) {
      yield dumpLine(`${key}/${id}`, { version, value: undefined, lines: [] });
    }
  }
}
