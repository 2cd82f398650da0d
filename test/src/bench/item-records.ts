/**
 * A history of items, the same for whoever stores it: created, then changed in turn, `records` in all.
 *
 *     item 0 created · item 1 created · … · item 0 changed · item 1 changed · …
 *
 * The rule: a function of its sizes; what it folds to is known without folding (`lastPayloads`).
 */
import { entityId } from "./contender.ts";
import { makePayloads, payloadAt, type Payload } from "./payload.ts";

export interface History {
  readonly items: number;
  readonly records: number;
  readonly sizeBytes: number;
}

export interface ItemRecord {
  readonly id: string;
  /** The count of the item's records. */
  readonly n: number;
  readonly type: "item.created" | "item.changed";
  readonly payload: Payload;
}

export function* itemRecords({ items, records, sizeBytes }: History): Generator<ItemRecord> {
  const payloads = makePayloads(sizeBytes);
  const ids = Array.from({ length: items }, (_, index) => entityId(index));
  for (let index = 0; index < records; index += 1) {
    const n = Math.floor(index / items) + 1;
    const id = ids[index % items] ?? "";
    const type = n === 1 ? "item.created" : "item.changed";
    yield { id, n, type, payload: payloadAt(payloads, index) };
  }
}

/** The payload that each item ends with. */
export function* lastPayloads(history: History): Generator<[id: string, payload: Payload]> {
  const { items, records, sizeBytes } = history;
  const payloads = makePayloads(sizeBytes);
  for (let index = Math.max(0, records - items); index < records; index += 1) {
    yield [entityId(index % items), payloadAt(payloads, index)];
  }
}
