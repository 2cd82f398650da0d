/**
 * The first opening by a model whose entities are of newer versions than the newest snapshot's.
 *
 *     recover: migrate, upcast, fold, validate   reads only; a refusal leaves everything untouched
 *     $boot ─ with the schema as it was          ┐
 *     state.pre-migration.backup.json            │ the older program still opens all of it
 *     state.migration-v1-to-v2.log               ┘
 *     state.json of the new schema               from its rename on: the newer program only
 *     $migrated                                  and the log says so too
 *
 * The rule: each step is durable before the next begins, so a crash leaves a directory that the one or
 * the other opens complete. The next opening decides from what it finds: an old snapshot is migrated from
 * the start; a migrated one without its marker gets the marker.
 */
import type { Clock, Directory } from "@taskwal/disk";
import { preMigrationName } from "@taskwal/format";
import type { LogWriter } from "@taskwal/log";
import {
  headBytesMax,
  keepPreMigration,
  saveSnapshot,
  type ScannedSnapshot,
} from "@taskwal/snapshot";
import type { Model } from "./define-model.ts";
import type { Migration } from "./events.ts";
import { schemaWith } from "./held-records.ts";
import {
  appendMigrationLine,
  assertLogFits,
  lastMigrationAt,
  migrationLogName,
} from "./migration-log.ts";
import type { Recovered } from "./recover.ts";
import { digestInTurns, snapshotParts, viewState } from "./snapshot-view.ts";
import { migratedType, type MigratedData } from "./system-record.ts";

/** One kind of entity that a migration takes to a newer version. */
export interface MigratedEntity {
  /** Its name in the model. */
  readonly entity: string;
  readonly from: number;
  readonly to: number;
  /** How many of them the snapshot held. */
  readonly count: number;
}

/** What an opening has to do; undefined if the snapshot is of this model's versions, or there is none. */
export const migrationOf = ({ snapshot, migrated, facts }: Recovered): Migration | undefined => {
  // A marker above an older snapshot: it was done, and what it wrote is gone. The next save writes it again.
  const isDone = migrated.every(({ entity, to }) => (facts.migrated?.[entity] ?? 0) >= to);
  if (!snapshot || isDone) return undefined;
  return { entities: migrated, backup: preMigrationName, log: migrationLogName(migrated) };
};

/**
 * Before anything is written: throws a RangeError for what could not be written down or continued, with its size.
 * Errors of the disk pass through.
 */
export const assertMigrationFits = async (
  directory: Directory,
  model: Model,
  recovered: Recovered,
): Promise<void> => {
  const migration = migrationOf(recovered);
  if (!migration) return;
  const schema = schemaWith(model, recovered.state.held);
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > schemaBytesMax) {
    const kinds = Object.keys(schema).length;
    throw new RangeError(
      `the field schema, the versions of ${kinds} kinds of entities, has ${bytes} bytes as JSON, over ${schemaBytesMax}: ` +
        "a migration cannot write it down",
    );
  }
  await assertLogFits(directory, migration.log);
};

/** What stands beside it in the head of a snapshot is far shorter. */
const schemaBytesMax = headBytesMax - 4_096;

export interface MigrationParts {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly model: Model;
  readonly log: LogWriter;
  readonly store: string;
  readonly recovered: Recovered;
}

/**
 * Takes the store over, from the backup to the marker; `$boot` is durable. Returns the snapshot in place.
 * Errors of the disk pass through; whatever it throws, the next opening goes on.
 */
export const performMigration = async (
  parts: MigrationParts,
  migration: Migration,
): Promise<NonNullable<Recovered["snapshot"]>> => {
  const { directory, clock, model, log, store, recovered } = parts;
  const { snapshot: base, state, keys } = recovered;
  if (!base) throw new RangeError("without a snapshot there is nothing to migrate");
  const view = viewState(model, state, keys);
  const { last: sequence, lastCrc: last, epoch } = log;
  const last_saved = new Date(clock.now()).toISOString();
  const schema = schemaWith(model, state.held);
  const head = { store, epoch, sequence, last, schema, last_saved };

  await keepPreMigration(directory, base.name, base.reading);
  await appendMigrationLine(directory, migration.log, {
    at: last_saved,
    entities: migration.entities,
    from: {
      snapshot: base.name,
      sequence: base.reading.head.sequence,
      sha256: base.reading.sha256,
    },
    backup: migration.backup,
    to: { sequence, digest: await digestInTurns(view, clock) },
  });
  const isKnown = base.name === "state.json";
  const saved = await saveSnapshot(
    directory,
    { head, ...(await snapshotParts(model, view, clock)) },
    { clock, previous: isKnown ? base.reading.stat : undefined },
  );
  await appendMarker(parts, migration.entities);
  const { sizeBytes, sha256, stat } = saved;
  const reading = { ...base.reading, head: { ...base.reading.head, ...head }, sizeBytes, sha256 };
  return {
    name: "state.json",
    reading: { ...reading, stat: { ...base.reading.stat, ...stat } } satisfies ScannedSnapshot,
  };
};

/** Whether the snapshot is one that a migration put in place before a crash took its marker. */
export const lacksMarker = async (
  directory: Directory,
  { snapshot, migrated, facts }: Recovered,
): Promise<boolean> =>
  snapshot !== undefined &&
  migrated.length === 0 &&
  facts.migrated === undefined &&
  (await lastMigrationAt(directory, snapshot.reading.head.sequence));

export const appendMarker = async (
  { clock, model, log, recovered }: Pick<MigrationParts, "clock" | "model" | "log" | "recovered">,
  entities: readonly MigratedEntity[],
): Promise<void> => {
  const schema = schemaWith(model, recovered.state.held);
  const data: MigratedData = { schema, entities };
  const draft = { at: clock.now(), type: migratedType };
  await log.append([{ draft, dataJson: JSON.stringify(data) }], true);
};

/** For people, before it is done: the report is written first. */
export const migrationNotes = (migration: Migration | undefined): string[] =>
  (migration?.entities ?? []).map(
    ({ entity, from, to, count }) =>
      `this opening migrates ${entity} from version ${from} to ${to} (${count} in the snapshot); ` +
      `the snapshot as it was is kept as ${migration?.backup}`,
  );
