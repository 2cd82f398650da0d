/** Records as they become durable, beside their writer. The rule: only what no power cut can take back is told. */
import { openStore, type EntityDefinitions, type TypedModel } from "@taskwal/core";
import { isSystemType } from "@taskwal/format";
import type { OfflineRecord } from "./offline.ts";
import type { Track } from "./track.ts";

/** Ends without an error when the signal aborts. */
export async function* tailOf(
  dir: string,
  model: TypedModel<EntityDefinitions>,
  { log, boots }: Track,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<OfflineRecord> {
  const first = log.segments[0]?.first ?? 1;
  const store = await openStore({
    dir,
    model,
    readOnly: true,
  });
  let boot = boots.findLast((one) => one.first <= after)?.boot ?? 0;
  try {
    const from = Math.max(first, after + 1);
    for await (const record of store.records({ from, follow: true, signal })) {
      const { seq: sequence, at, type, v: version = 1, id, n, actor, data } = record;
      if (type === "$boot") boot += 1;
      const entity = isSystemType(type) ? undefined : model.mutations.get(type)?.entity.name;
      yield {
        kind: "record",
        sequence,
        at,
        type,
        version,
        entity,
        id,
        n,
        ...(actor !== undefined && { actor }),
        data,
        file: "",
        boot,
      };
    }
  } finally {
    await store.close();
  }
}
