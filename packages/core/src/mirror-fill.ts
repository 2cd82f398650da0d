/**
 * What mirrors prove after a loss: an entity whose file is ahead of what the log still tells.
 *
 *     log:     … n=7 |lost: 8, 9|            the entity stands at 7
 *     mirror:  tasks/6f….json at version 9   and carries only durable mutations, so it is at 9
 *
 * The rule: only a mirror of this store whose checksum is right is believed, and only one that is ahead
 * of the log; one whose entity went on after the loss is damaged and cannot be filled from outside.
 */
import type { Directory } from "@taskwal/disk";
import type { JsonValue } from "@taskwal/format";
import type { EntityModel, Model } from "./define-model.ts";
import { readMirror } from "./mirror-file.ts";
import { listOf } from "./list-view.ts";
import { payloadBytesMax } from "./prepare.ts";
import type { Recovered } from "./recover.ts";
import type { Slot, State } from "./state.ts";
import { asJson, recoveredType } from "./system-record.ts";

/** An entity as its mirror has it: the data of a `$recovered` record. */
export interface Recovery {
  /** The entity's name in the model. */
  readonly entity: string;
  readonly id: string;
  readonly n: number;
  readonly value: JsonValue;
  readonly lists: Readonly<Record<string, readonly JsonValue[]>>;
}

/** What mirrors prove, and what the log can be told of it. */
export interface MirrorFill {
  /** They are in the state. */
  readonly recoveries: readonly Recovery[];
  /** They are ahead too, and longer than a record can be: the state stays behind them, the files are all there is. */
  readonly tooLong: readonly (Pick<Recovery, "entity" | "id" | "n"> & { readonly file: string })[];
}

/** After a loss, what the mirrors prove is put into the state; the records that make it durable follow. */
export const fillFromMirrors = async (
  directory: Directory,
  model: Model,
  { newLost, state, end }: Pick<Recovered, "newLost" | "state" | "end">,
  store: string,
): Promise<MirrorFill> => {
  if (newLost.length === 0) return { recoveries: [], tooLong: [] };
  const { recoveries, tooLong } = await findRecoveries(directory, model, state, store);
  for (const recovery of recoveries) {
    const { entity: name, id } = recovery;
    const entity = [...model.entities.values()].find((one) => one.name === name);
    if (state.held.has(id)) {
      // In its order, as the log will have it.
      const record = { seq: end.next, lag: 0, at: 0, type: recoveredType, data: asJson(recovery) };
      state.held.hold({ id, record });
    } else if (entity) state.restore(entity, id, recoveredSlot(recovery));
  }
  return { recoveries, tooLong };
};

/** Reads every mirror of the model's entities. Called only after a loss. Errors of the disk pass through. */
const findRecoveries = async (
  directory: Directory,
  model: Model,
  state: State,
  store: string,
): Promise<MirrorFill> => {
  const recoveries: Recovery[] = [];
  const tooLong: MirrorFill["tooLong"][number][] = [];
  for (const entity of model.entities.values()) {
    if (!entity.mirror) continue;
    for (const name of (await directory.list(entity.collection)).toSorted()) {
      if (!name.endsWith(".json")) continue;
      const file = `${entity.collection}/${name}`;
      const recovery = await aheadOfLog(directory, entity, state, store, file);
      if (!recovery) continue;
      const { id, n } = recovery;
      if (isRecord(recovery)) recoveries.push(recovery);
      else tooLong.push({ entity: entity.name, id, n, file });
    }
  }
  return { recoveries, tooLong };
};

const isRecord = (recovery: Recovery): boolean =>
  Buffer.byteLength(JSON.stringify(recovery)) <= payloadBytesMax;

const aheadOfLog = async (
  directory: Directory,
  entity: EntityModel,
  state: State,
  store: string,
  name: string,
): Promise<Recovery | undefined> => {
  const mirror = await readMirror(directory, name);
  if (!mirror || mirror.own.store !== store || mirror.own.damaged) return undefined;
  const fields = mirror.entity as { readonly [key: string]: JsonValue };
  const id = fields["id"];
  if (typeof id !== "string" || mirror.own.schema !== entity.version) return undefined;
  const known = Math.max(state.committed(entity, id)?.n ?? 0, state.held.lastVersion(id));
  if (known >= mirror.own.version) return undefined;
  const lists = Object.fromEntries(
    [...entity.lists.keys()].flatMap((list) =>
      Array.isArray(fields[list]) ? [[list, fields[list]]] : [],
    ),
  ) as Recovery["lists"];
  const value = Object.fromEntries(
    Object.entries(fields).filter(([key]) => !entity.lists.has(key)),
  );
  return { entity: entity.name, id, n: mirror.own.version, value, lists };
};

/** The entity as recovered. */
export const recoveredSlot = ({ value, n, lists }: Recovery): Slot => ({
  value,
  n,
  lists: Object.fromEntries(
    Object.entries(lists).map(([name, items]) => [name, listOf([...items])]),
  ),
  damage: undefined,
});
