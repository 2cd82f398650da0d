/**
 * The first records of an epoch: `$gap`, `$recovered`, `$boot`, as one transaction.
 *
 * The rule: all or none; what a loss cost and what repaired it are never told one without the other.
 */
import type { Disk } from "@taskwal/disk";
import { limits, type RecordDraft } from "@taskwal/format";
import type { LogWriter } from "@taskwal/log";
import type { Model } from "./define-model.ts";
import type { Migration } from "./events.ts";
import { schemaWith } from "./held-records.ts";
import type { Recovery } from "./mirror-fill.ts";
import type { Recovered } from "./recover.ts";
import type { RecoveryReport } from "./recovery-report.ts";
import { printModel } from "./snapshot-view.ts";
import { asJson, bootType, gapType, recoveredType, type GapData } from "./system-record.ts";

export const engineVersion = "0.1.0";

export interface BootFacts {
  readonly recovered: Recovered;
  readonly recoveries: readonly Recovery[];
  readonly migration: Migration | undefined;
}

/** The first records of an epoch: what salvage found lost, and who writes from here on. */
export const appendBoot = async (
  { disk, model }: { readonly disk: Disk; readonly model: Model },
  log: LogWriter,
  report: RecoveryReport,
  { recovered, recoveries, migration }: BootFacts,
): Promise<void> => {
  const { newLost, newDamaged, snapshot } = recovered;
  const at = disk.clock.now();
  const entry = (type: string, data: object): { draft: RecordDraft; dataJson: string } => ({
    draft: { at, type },
    dataJson: JSON.stringify(asJson(data)),
  });
  const entries = [];
  if (newLost.length > 0 || newDamaged.length > 0) {
    const { entities, unattributed } = report;
    const bytes = newDamaged.map(({ file, startBytes, endBytes }) => ({
      file,
      startBytes,
      endBytes,
    }));
    const gap: GapData = { lost: newLost, entities, unattributed, bytes, report: report.id };
    entries.push(entry(gapType, gap));
  }
  for (const recovery of recoveries) entries.push(entry(recoveredType, recovery));
  const { pid, host } = disk.process;
  const boot = Buffer.from(disk.randomBytes(8)).toString("hex");
  const monotonicMs = Math.round(disk.clock.monotonicMs());
  entries.push(
    entry(bootType, {
      boot,
      pid,
      host,
      engine: engineVersion,
      model: printModel(model),
      // Until the migration is done the older program may still open it.
      schema:
        (migration && snapshot?.reading.head.schema) ?? schemaWith(model, recovered.state.held),
      monotonicMs,
    }),
  );
  // All or none: a $gap without its $recovered would account for a loss whose repair is not there.
  // Repairs beyond the bound of a transaction go first: without the $gap they are found again.
  const split = Math.max(0, entries.length - limits.transactionRecordsMax);
  const first = entries.splice(entries.length - 1 - split, split);
  if (first.length > 0) await log.append(first, true);
  const count = entries.length;
  const members = entries.map(({ draft, dataJson }, index) => {
    const tx = [index + 1, count] as const;
    return { dataJson, draft: count === 1 ? draft : { ...draft, tx } };
  });
  await log.append(members, true);
};
