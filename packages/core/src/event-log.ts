/**
 * The events of a store as lines of its logger.
 *
 *     debug   what goes as it should: opened, saved, backed up, closed
 *     info    what happens once: a migration
 *     warn    what somebody should look at: a failed save, little room, a file that was edited
 *     error   what cost or will cost something: lost records, no room, a dead writer
 *
 * The rule: facts are numbers, names of files and errors (discreet-logger.ts); never anything of an entity or a payload. What
 * comes with every mutation or batch is not logged.
 */
import type { Events, Logger, StoreEvents } from "./events.ts";
import type { RecoveryReport } from "./recovery-report.ts";

type Line<Name extends keyof StoreEvents> = readonly [
  level: keyof Logger,
  message: string,
  facts?: (...told: StoreEvents[Name]) => object,
];

const found = ({ id, lost, damaged, skipped, torn, quarantined }: RecoveryReport): object => ({
  report: id,
  lost,
  damagedStretches: damaged.length,
  tornStretches: torn.length,
  skipped: skipped.map(({ name }) => name),
  quarantined,
});

const lines: { readonly [Name in keyof StoreEvents]?: Line<Name> } = {
  "state:loaded": ["debug", "the state is in memory"],
  recovered: [
    "debug",
    "the store is open",
    ({ before, sequence, replayed, clean }) => ({ before, sequence, replayed, clean }),
  ],
  "state:corruption": ["error", "acknowledged records or snapshots no longer read", found],
  "state:held": [
    "warn",
    "records of types that this program does not know wait for one that does",
    ({ types }) => ({ types: types.map(({ type, ids, records }) => ({ type, ids, records })) }),
  ],
  "migration:started": ["info", "entities of older schemas are migrated"],
  "migration:done": ["info", "the migration is durable"],
  "autosave:triggered": ["debug", "a save begins by itself"],
  "shutdown:save": ["debug", "a save begins because the store is closed"],
  "state:saved": ["debug", "a snapshot is in place"],
  "state:save-error": ["warn", "a snapshot or a file for people could not be written"],
  "state:save-failing": ["error", "several saves in a row have failed"],
  "backup:created": ["debug", "the old state.json is kept as a backup"],
  "backup:failed": ["error", "the old state.json could not be kept, so nothing took its place"],
  "disk:low": ["warn", "little room is left on the disk"],
  "disk:full": ["error", "the disk has no room for a write"],
  "disk:denied": ["error", "a write was refused for want of permission"],
  "mirror:conflict": ["warn", "a file held what taskwal did not write, and was set aside"],
  poisoned: [
    "error",
    "the writer is dead until the store is reopened",
    ({ error, takenBack }) => ({ error, takenBack: takenBack.length }),
  ],
  closed: ["debug", "the store is closed", () => ({})],
};

/** Logs from here on what is told, until the store is gone. */
export const logEvents = (events: Events<StoreEvents>, logger: Logger): void => {
  for (const [name, [level, message, facts]] of Object.entries(lines) as [
    keyof StoreEvents,
    readonly [keyof Logger, string, ((...told: unknown[]) => object)?],
  ][]) {
    events.on(name, (...told: unknown[]) => {
      logger[level](facts ? facts(...told) : told[0], message);
    });
  }
};
