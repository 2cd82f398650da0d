/**
 * Which names a model may use: a name ends up as a key, a folder or a method, and must not be taken.
 *
 *     entity name     note                  in state.json's "schema", in the types of list records
 *     collection      notes                 a key of state.json and a folder of mirrors
 *     entity key      notes                 store.notes
 *     list            lines                 a field of the entity in snapshots and mirrors
 *     mutation type   note.edited           the `type` of a record
 *
 * The rule: refused when the model is defined, with a TypeError of one sentence.
 */
import { isSystemType, limits } from "@taskwal/format";

/** The engine's own keys of state.json. */
export const snapshotKeys: ReadonlySet<string> = new Set(
  "version format store epoch sequence last schema last_saved held engine checksum".split(" "),
);

/** The engine's own names in a state directory, and those that Windows keeps for devices. */
const folderNames: ReadonlySet<string> = new Set(
  "wal quarantine recovery archive logs reports blobs lock con prn aux nul".split(" "),
);

/** Members of a store, of a transaction's view, and of every object: no entity can have such a key. */
export const storeMembers: ReadonlySet<string> = new Set(
  (
    "mutate transact records snapshot compact flush flushSync reopen close on once off emit recovery sequence " +
    "poisoned epoch model dir report status mode readOnly digest summary metrics verify watch damaged accept mark " +
    "assertWritable held " +
    "then catch finally constructor prototype hasOwnProperty isPrototypeOf propertyIsEnumerable " +
    "toString toLocaleString valueOf toJSON"
  ).split(" "),
);

/** Fields that an entity has anyway, or gets from the engine, in snapshots and mirrors. */
const entityFields: ReadonlySet<string> = new Set(["id", "version", "damaged"]);

const plainName = /^[A-Za-z][A-Za-z0-9_-]*$/;
const propertyName = /^[A-Za-z][A-Za-z0-9_]*$/;

const assertPlain = (what: string, name: unknown): void => {
  if (typeof name !== "string" || !plainName.test(name) || name.length > limits.fileStemBytesMax) {
    throw new TypeError(
      `${what} ${quoted(name)} is not a letter followed by letters, digits, "_" and "-", at most ${limits.fileStemBytesMax}`,
    );
  }
};

export const assertEntityName = (name: unknown): void => assertPlain("the entity name", name);

export const assertCollection = (name: string): void => {
  assertPlain("the collection", name);
  if (snapshotKeys.has(name)) {
    throw new TypeError(`the collection ${quoted(name)} has the name of a key of state.json`);
  }
  if (folderNames.has(name.toLowerCase())) {
    throw new TypeError(
      `the collection ${quoted(name)} has the name of a folder of the state directory`,
    );
  }
};

export const assertEntityKey = (key: string): void => {
  if (!propertyName.test(key)) {
    throw new TypeError(
      `the entity key ${quoted(key)} is not a letter followed by letters, digits and "_"`,
    );
  }
  if (storeMembers.has(key)) {
    throw new TypeError(`the entity key ${quoted(key)} has the name of a member of the store`);
  }
};

export const assertListName = (entity: string, list: string): void => {
  assertPlain(`the list of ${entity}`, list);
  if (entityFields.has(list)) {
    throw new TypeError(
      `the list ${quoted(list)} of ${entity} has the name of a field of every entity`,
    );
  }
};

export const assertMutationType = (type: string): void => {
  if (type === "") throw new TypeError("a mutation type is empty");
  if (isSystemType(type)) {
    throw new TypeError(
      `the mutation type ${quoted(type)} begins with "$", as only the engine's own do`,
    );
  }
  if (!type.includes(".")) {
    throw new TypeError(
      `the mutation type ${quoted(type)} has no "." between entity and event: "note.edited"`,
    );
  }
  const sizeBytes = Buffer.byteLength(type);
  if (sizeBytes > limits.labelBytesMax) {
    throw new TypeError(
      `the mutation type ${quoted(type.slice(0, 40))}… has ${sizeBytes} bytes, over ${limits.labelBytesMax}`,
    );
  }
};

/** The type of the records by which an item is appended to a list. */
export const appendType = (entity: string, list: string): string => `${entity}.${list}.appended`;

export const quoted = (name: unknown): string =>
  typeof name === "string" ? JSON.stringify(name) : String(name);
