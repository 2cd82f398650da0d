/**
 * Opening for writing, top to bottom:
 *
 *     look ─ lock ─ claim the epoch ─ recover (reads only) ─ set torn and damaged aside ─
 *       carry what no promise covers ─ $gap ─ $boot ─ report ─> Engine
 *
 * The rule: a crash at any step leaves what the same steps decide the same about. Nothing foreign and
 * nothing newer is ever written to.
 */
import { ClosedError, LockedError, type DiskFailedError } from "@taskwal/errors";
import type { Directory, Disk } from "@taskwal/disk";
import { hex32, recoveryFolder, timeStamp, walFolder } from "@taskwal/format";
import {
  claimEpoch,
  continueLog,
  LogWriter,
  quarantineDamaged,
  quarantineTorn,
  removeLeftovers,
  withdrawClaim,
} from "@taskwal/log";
import { replaceFile } from "@taskwal/disk";
import { listSnapshots, unshareState } from "@taskwal/snapshot";
import type { Model } from "./define-model.ts";
import { appendBoot, type BootFacts } from "./append-boot.ts";
import type { Logger, Migration } from "./events.ts";
import {
  appendMarker,
  assertMigrationFits,
  lacksMarker,
  migrationNotes,
  migrationOf,
  performMigration,
} from "./migration.ts";
import type { Monitor } from "./monitor.ts";
import { assertKnown, diskErrors, openStateDirectory, type KnownStore } from "./state-directory.ts";
import { fillFromMirrors, type MirrorFill } from "./mirror-fill.ts";
import { lockDirectory, type OwnerLock } from "./owner-lock.ts";
import { recover, type Recovered } from "./recover.ts";
import { setAsideMirror } from "./set-aside-mirror.ts";
import { recoveryReport, type RecoveryFacts, type RecoveryReport } from "./recovery-report.ts";
import type { LostVersions } from "./system-record.ts";

export interface EngineOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly model: Model;
  readonly onDamage: "salvage" | "refuse";
  readonly allowNetworkFileSystem: boolean;
  /** May open a directory that holds a legacy state, to import it. */
  readonly acceptLegacy: boolean;
  /** How long to wait for another owner to leave, in milliseconds. */
  readonly lockWaitMs: number;
  readonly segmentBytesMax: number;
  readonly idleMs: number;
  /** Of an opening again: another store, or none, is not opened in its place. */
  readonly known: KnownStore | undefined;
  readonly signal: AbortSignal | undefined;
  readonly logger: Logger | undefined;
  /** Watches what the engine does to the directory. */
  readonly monitor: Monitor;
  onPoison(error: DiskFailedError): void;
  /** Told before the first file of a migration is written, and once its marker is durable. */
  onMigration(phase: "started" | "done", migration: Migration): void;
}

/** An opened store, before anybody mutates it. */
export interface Engine {
  readonly directory: Directory;
  readonly lock: OwnerLock;
  readonly log: LogWriter;
  readonly store: string;
  readonly recovered: Recovered;
  readonly report: RecoveryReport;
}

const lockPollMs = 25;

/** Throws any of the classes of `errors`; whatever it throws, the lock is free and nothing acknowledged is gone. */
export const openEngine = async (options: EngineOptions): Promise<Engine> => {
  const startMs = options.disk.clock.monotonicMs();
  const directory = options.monitor.watch(await openStateDirectory(options), options.disk.clock);
  const path = directory.path;
  const lock = await diskErrors("lock", path, () => waitForLock(options, directory));
  try {
    const engine = await diskErrors("open", path, () =>
      openLocked(options, directory, lock, startMs),
    );
    return engine;
  } catch (error) {
    await lock.release();
    await directory.close();
    throw error;
  }
};

const waitForLock = async (options: EngineOptions, directory: Directory): Promise<OwnerLock> => {
  const { disk, lockWaitMs, signal } = options;
  const deadline = disk.clock.monotonicMs() + lockWaitMs;
  for (;;) {
    if (signal?.aborted) throw new ClosedError("opening was aborted");
    try {
      return await lockDirectory(disk, directory);
    } catch (error) {
      if (!(error instanceof LockedError) || disk.clock.monotonicMs() >= deadline) throw error;
      // A program that does nothing but open must live to see the owner go.
      const release = disk.clock.holdProcess();
      await new Promise<void>((resolve) => disk.clock.schedule(lockPollMs, resolve));
      release();
    }
  }
};

const openLocked = async (
  options: EngineOptions,
  directory: Directory,
  lock: OwnerLock,
  startMs: number,
): Promise<Engine> => {
  const { disk, model, onDamage, known } = options;
  const storeHint = lock.last?.store || undefined;
  await directory.createFolder(walFolder);
  await directory.syncFolder(".");
  // Before reading: what an older owner acknowledged after this is there to be read.
  const epoch = await claimEpoch(directory, lock.last?.epoch ?? 0);
  try {
    const promised = known?.durable ?? 0;
    const recovering = { directory, clock: disk.clock, model, storeHint, onDamage, promised };
    const recovered = await recover(recovering);
    assertKnown(directory, known, recovered.store);
    await assertMigrationFits(directory, model, recovered);
    return await openClaimed({ options, directory, lock, epoch, startMs, recovered });
  } catch (error) {
    return withdraw(directory, lock, epoch, error);
  }
};

interface Claimed {
  readonly options: EngineOptions;
  readonly directory: Directory;
  readonly lock: OwnerLock;
  readonly epoch: number;
  readonly startMs: number;
  readonly recovered: Recovered;
}

/** What was read is written on: the first step that changes a file of the store. */
const openClaimed = async (claimed: Claimed): Promise<Engine> => {
  const { options, directory, lock, epoch, startMs, recovered } = claimed;
  const { disk, model } = options;
  const store = recovered.store ?? Buffer.from(disk.randomBytes(16)).toString("hex");
  await lock.record({ epoch, store });
  // First, so that one who tries again and again leaves no more of it: it takes room, and harms nothing.
  if (isAlone(lock)) await removeLeftovers(directory, epoch).catch(() => {});
  await unshareState(directory);
  const { recoveries, tooLong } = await fillFromMirrors(directory, model, recovered, store);
  const quarantined = await setAside(directory, recovered);
  // Before the mirrors are written anew: they hold what the log has lost.
  for (const { file } of tooLong)
    quarantined.push(await setAsideMirror(directory, disk.clock, file));
  const durationMs = disk.clock.monotonicMs() - startMs;
  const id = timeStamp(disk.clock.now());
  const known = { id, dir: directory.path, store, epoch, quarantined, durationMs };
  const migration = migrationOf(recovered);
  const report = makeReport(known, recovered, { recoveries, tooLong, migration });
  await writeReport(directory, report);
  const log = await openLog({ options, directory, lock, store, epoch, recovered });
  try {
    await appendBoot(options, log, report, { recovered, recoveries, migration });
    const parts = { directory, clock: disk.clock, model, log, store, recovered };
    if (migration) {
      options.onMigration("started", migration);
      const snapshot = await performMigration(parts, migration);
      options.onMigration("done", migration);
      return { directory, lock, log, store, recovered: { ...recovered, snapshot }, report };
    }
    if (await lacksMarker(directory, recovered)) await appendMarker(parts, []);
  } catch (error) {
    // Its files too: a host that tries again and again must not run out of descriptors.
    await log.close().catch(() => {});
    throw error;
  }
  return { directory, lock, log, store, recovered, report };
};

/** Torn bytes as copies, damaged segments and the snapshots before the damage as links. */
const setAside = async (directory: Directory, recovered: Recovered): Promise<string[]> => {
  const { end, newDamaged, newLost } = recovered;
  const files = newDamaged.map(({ file }) => file);
  const [firstLost] = newLost[0] ?? [];
  if (firstLost !== undefined) {
    const snapshots = await listSnapshots(directory);
    files.push(...snapshots.filter(({ sequence }) => sequence < firstLost).map(({ name }) => name));
  }
  return [
    ...(await quarantineTorn(directory, end.torn)),
    ...(await quarantineDamaged(directory, files)),
  ];
};

/** A kernel lock keeps all others out. */
const isAlone = (lock: OwnerLock): boolean =>
  lock.backend !== "identity" && lock.fence() === undefined;

/** A refusal leaves the directory as it was, and so does a try that failed before it wrote to the log. */
const withdraw = async (
  directory: Directory,
  lock: OwnerLock,
  epoch: number,
  refusal: unknown,
): Promise<never> => {
  // The refusal is what the caller must hear of; a claim that stays harms nothing.
  if (isAlone(lock)) await withdrawClaim(directory, epoch).catch(() => {});
  throw refusal;
};

interface LogFacts {
  readonly options: EngineOptions;
  readonly directory: Directory;
  readonly lock: OwnerLock;
  readonly store: string;
  readonly epoch: number;
  readonly recovered: Recovered;
}

const openLog = async ({
  options,
  directory,
  lock,
  store,
  epoch,
  recovered,
}: LogFacts): Promise<LogWriter> => {
  const { listing, end } = recovered;
  return LogWriter.open({
    directory,
    clock: options.disk.clock,
    store,
    epoch,
    continuation: await continueLog(directory, listing, end),
    durable: Math.min(end.durable, end.next - 1),
    lastCrc: end.lastCrc ?? recovered.snapshot?.reading.head.last ?? hex32(0),
    segmentBytesMax: options.segmentBytesMax,
    idleMs: options.idleMs,
    fence: () => lock.fence(),
    onPoison: (error) => options.onPoison(error),
  });
};

export const makeReport = (
  known: Pick<RecoveryFacts, "id" | "dir" | "store" | "epoch" | "quarantined" | "durationMs">,
  recovered: Recovered,
  {
    recoveries = [],
    tooLong = [],
    migration,
  }: Partial<MirrorFill & Pick<BootFacts, "migration">> = {},
): RecoveryReport => {
  const { end, snapshot, skipped, facts, newLost, newDamaged, listing } = recovered;
  const accounted = new Set(facts.gaps.flatMap(({ entities }) => entities.map(lossKey)));
  const entities = facts.lostVersions.filter((lost) => !accounted.has(lossKey(lost)));
  const lostCount = newLost.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const attributed = entities.reduce((sum, { versions: [a, b] }) => sum + b - a + 1, 0);
  const filled = recoveries.map(
    ({ entity, id, n }) => `${entity} ${id} was restored from its file, at version ${n}`,
  );
  const behind = tooLong.map(
    ({ entity, id, n, file }) =>
      `${entity} ${id} is at version ${n} in ${file}, which is longer than a record can be: it stays behind, and the file is kept`,
  );
  const isNew = listing.segments.length === 0 && !snapshot;
  return recoveryReport({
    ...known,
    before: isNew ? "new" : facts.closed ? "closed" : "crashed",
    snapshot: snapshot && { name: snapshot.name, sequence: snapshot.reading.head.sequence },
    skipped,
    replayed: end.recordCount,
    sequence: end.lastKept,
    torn: end.torn,
    tornRecords: end.tornRecords,
    lost: newLost,
    entities: newLost.length > 0 ? entities : [],
    unattributed: Math.max(0, lostCount - attributed),
    damaged: newDamaged,
    notes: [...end.notes, ...recovered.notes, ...filled, ...behind, ...migrationNotes(migration)],
    held: recovered.state.held.types(),
    modelChanged: recovered.modelChanged,
  });
};

const lossKey = ({ entity, id, versions }: LostVersions): string =>
  JSON.stringify([entity, id, versions]);

/** `recovery/<id>.json`, if there is anything to tell; durable on return. */
const writeReport = async (directory: Directory, report: RecoveryReport): Promise<void> => {
  if (report.clean) return;
  await directory.createFolder(recoveryFolder);
  await directory.syncFolder(".");
  const text = `${JSON.stringify({ ...report, text: report.toText().split("\n") }, null, 2)}\n`;
  await replaceFile(directory, `${recoveryFolder}/${report.id}.json`, Buffer.from(text, "utf8"));
};
