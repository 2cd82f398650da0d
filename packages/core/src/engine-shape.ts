/**
 * What the engine keeps for itself, in snapshots and in records whose type begins with "$": whether it is
 * what this code writes.
 *
 *     checksum right ─> the bytes are what somebody wrote          shape right ─> and that was the engine
 *
 * The rule: a checksum says nothing of values, so these are looked at before they are reckoned with. What
 * is odd is a value: the reason as a clause, or false.
 */
import { isCount, isJsonObject, isSystemType } from "@taskwal/format";
import type { Model } from "./define-model.ts";
import { heldKey } from "./held-records.ts";
import type { LoadedSnapshot } from "./load-state.ts";
import {
  bootType,
  gapType,
  lostType,
  markType,
  migratedType,
  recoveredType,
} from "./system-record.ts";

type Fields = Readonly<Record<string, unknown>>;

const isSpan = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every(isCount);

const isListOf = (value: unknown, isItem: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isItem);

const hasTexts = (value: Fields, ...names: readonly string[]): boolean =>
  names.every((name) => typeof value[name] === "string");

const hasCounts = (value: Fields, ...names: readonly string[]): boolean =>
  names.every((name) => isCount(value[name]));

/** Why a snapshot that is whole was not written by this engine; undefined if it may have been. */
export const snapshotDefect = (
  model: Model,
  { engine, collections }: Pick<LoadedSnapshot, "engine" | "collections">,
): string | undefined => {
  const odd = isJsonObject(engine) ? sectionDefect(engine) : "engine";
  if (odd !== undefined) return `its "${odd}" is not what the engine writes`;
  for (const entity of model.entities.values()) {
    const known = (engine as { readonly versions: Fields }).versions[entity.name];
    const versions = isJsonObject(known) ? known : {};
    const lists = [...entity.lists.keys()];
    const entities = collections.get(entity.collection) ?? [];
    if (!entities.every((value) => isEntity(value, versions, lists))) {
      return `its "${entity.collection}" are not what the engine writes`;
    }
  }
  const areHeld = (collections.get(heldKey) ?? []).every(isHeld);
  return areHeld ? undefined : `its "${heldKey}" are not what the engine writes`;
};

/** A record that waits, as it stood in the log; one of the engine is about one entity. */
const isHeld = (value: unknown): boolean => {
  if (!isJsonObject(value) || !hasTexts(value, "id")) return false;
  const record: unknown = value["record"];
  if (!isJsonObject(record) || !hasTexts(record, "type") || !hasCounts(record, "seq", "lag"))
    return false;
  const { type, id, n, v, at, data } = record;
  if (!Number.isFinite(at) || data === undefined || (v !== undefined && !isCount(v))) return false;
  return isSystemType(type as string)
    ? isSystemData(type as string, data)
    : id === value["id"] && isCount(n);
};

const sectionDefect = (engine: Fields): string | undefined => {
  const { versions, deleted, keys, damaged, model } = engine;
  if (!isTable(versions)) return "versions";
  if (!isTable(deleted)) return "deleted";
  if (!isListOf(keys, isKey)) return "keys";
  if (!isListOf(damaged, isDamaged)) return "damaged";
  return model === undefined || isPrint(model) ? undefined : "model";
};

/** Versions by entity and id, also of entities that the model lacks. One that it has got since has none. */
const isTable = (value: unknown): boolean =>
  isJsonObject(value) &&
  Object.values(value).every((versions) => isJsonObject(versions) && hasOnlyCounts(versions));

/** Not by Object.values: there may be many, and each is asked for only once. */
const hasOnlyCounts = (versions: Fields): boolean => {
  for (const id in versions) if (!isCount(versions[id])) return false;
  return true;
};

const isEntity = (value: unknown, versions: Fields, lists: readonly string[]): boolean => {
  if (!isJsonObject(value) || typeof value["id"] !== "string") return false;
  return Object.hasOwn(versions, value["id"]) && lists.every((name) => isListIfThere(value[name]));
};

const isListIfThere = (value: unknown): boolean => value === undefined || Array.isArray(value);

const isKey = (value: unknown): boolean =>
  isJsonObject(value) &&
  hasTexts(value, "key", "fingerprint", "type", "id") &&
  hasCounts(value, "version", "sequence") &&
  Number.isFinite(value["at"]);

const isDamaged = (value: unknown): boolean =>
  isJsonObject(value) &&
  hasTexts(value, "entity", "id") &&
  isListOf(value["lost"], isSpan) &&
  typeof value["frozen"] === "boolean";

const isPrint = (value: unknown): boolean =>
  isJsonObject(value) && hasTexts(value, "hash", "versions");

const isLoss = (value: unknown): boolean =>
  isJsonObject(value) && hasTexts(value, "entity", "id") && isSpan(value["versions"]);

const isStretch = (value: unknown): boolean =>
  isJsonObject(value) && hasTexts(value, "file") && hasCounts(value, "startBytes", "endBytes");

const isTextIfThere = (value: unknown): boolean => value === undefined || typeof value === "string";

const isMarked = (value: unknown): boolean =>
  isJsonObject(value) && hasTexts(value, "entity", "id");

const isVersions = (value: unknown): boolean => isJsonObject(value) && hasOnlyCounts(value);

const shapes: Readonly<Record<string, (data: Fields) => boolean>> = {
  [gapType]: ({ lost, entities, bytes }) =>
    isListOf(lost, isSpan) && isListOf(entities, isLoss) && isListOf(bytes, isStretch),
  [markType]: ({ name, text, accepted }) =>
    isTextIfThere(name) &&
    isTextIfThere(text) &&
    (accepted === undefined || isListOf(accepted, isMarked)),
  [recoveredType]: (data) =>
    hasTexts(data, "entity", "id") &&
    hasCounts(data, "n") &&
    isJsonObject(data["lists"]) &&
    Object.values(data["lists"]).every(Array.isArray),
  [bootType]: ({ model, schema }) =>
    (model === undefined || isPrint(model)) && (schema === undefined || isVersions(schema)),
  [lostType]: ({ lost }) => isListOf(lost, isSpan),
  [migratedType]: ({ schema }) => isVersions(schema),
};

/** Whether a record of the engine holds what the engine writes. Types that it does not know hold anything. */
export const isSystemData = (type: string, data: unknown): boolean => {
  const shape = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  return shape === undefined || (isJsonObject(data) && shape(data));
};
