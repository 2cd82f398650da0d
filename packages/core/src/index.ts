/** The generic engine: a model, its store, and recovery. Knows no task. */
export {
  defineEntity,
  type ChangeDefinition,
  type CreateDefinition,
  type Entity,
  type EntityDefinition,
  type EntitySpec,
  type EntityTypes,
  type EntityValue,
  type MutationMeta,
} from "./define-entity.ts";
export {
  defineModel,
  migrateEntity,
  type EntityDefinitions,
  type EntityModel,
  type ListModel,
  type Model,
  type ModelSpec,
  type MutationModel,
  type TypedModel,
} from "./define-model.ts";
export type { EntityView } from "./summary.ts";
export type {
  Collection,
  CollectionReader,
  CollectionsOf,
  Committed,
  Receipt,
  TransactionCollection,
  TransactionOf,
  TransactionOptions,
  TransactionWriteOptions,
  ValueOf,
  WriteOptions,
} from "./collection-type.ts";
export {
  validate,
  type InferInput,
  type InferOutput,
  type SchemaIssue,
  type StandardSchema,
  type Validation,
} from "./standard-schema.ts";
export type { VersionStep, VersionSteps } from "./version-steps.ts";
export {
  cleanState,
  planCleaning,
  type CleanOptions,
  type CleanPlan,
  type Removable,
} from "./clean-state.ts";
export { copyStore, type CopyOptions, type CopyReport } from "./copy-store.ts";
export { historySnapshots, readHistory, type ReadHistoryOptions } from "./read-history.ts";
export type { History, HistorySnapshot, HistoryVisitor, Hole, SlotChange } from "./history.ts";
export type { Damage, Slot } from "./state.ts";
export { appendItem, itemAt, listItems, listOf, unknownItems, type ListView } from "./list-view.ts";
export { receiptOf } from "./receipt.ts";
export { diskErrors, isWithin, openForReading } from "./state-directory.ts";
export { isLeft } from "./reader-host.ts";
export { openStore, type OpenOptions, type StoreOf, type Transacting } from "./open-store.ts";
export type { Store } from "./store.ts";
export { assertMark, type MarkOptions } from "./mark.ts";
export {
  Events,
  type Listeners,
  type Logger,
  type Migration,
  type MutationEvent,
  type StoreEvents,
} from "./events.ts";
export { withAdvice } from "./permission-advice.ts";
export { discreetLogger } from "./discreet-logger.ts";
export { errorFacts, type ErrorFacts } from "./error-facts.ts";
export type { BackupFile, Health } from "./health.ts";
export {
  directoryParts,
  type DirectoryPart,
  type DirectoryUsage,
  type PartUsage,
} from "./directory-usage.ts";
export type { LastSave } from "./monitor.ts";
export type { HistogramReading } from "./histogram.ts";
export type { Telemetry } from "./telemetry.ts";
export { redacted, type Redact, type RedactAbout } from "./redact.ts";
export {
  mirrorBytesMax,
  ownKey,
  readMirror,
  writeMirror,
  type MirrorContent,
  type MirrorOwn,
} from "./mirror-file.ts";
export type { RecordsOptions } from "./record-stream.ts";
export type { HeldId, HeldType } from "./held-records.ts";
export type { MigratedEntity } from "./migration.ts";
export {
  planMigration,
  type MigrationPlan,
  type PlanMigrationOptions,
  type PlannedFailure,
} from "./plan-migration.ts";
export {
  hiddenRecords,
  planRollback,
  type RollbackSource,
  type RollbackPlan,
} from "./rollback-plan.ts";
export { rollBack, type RollBackOptions } from "./rollback.ts";
export { assertFree, type NewDirectory } from "./new-directory.ts";
export {
  planSalvage,
  type SalvagedKind,
  type SalvagePlan,
  type SalvageSource,
} from "./plan-salvage.ts";
export { salvage, type SalvageOptions } from "./salvage.ts";
export { restoreStore, type Restored, type RestoreOptions } from "./restore-store.ts";
export { planOpening, type OpeningPlan } from "./plan-opening.ts";
export { statePoint, type StatePoint } from "./state-point.ts";
export { forkStore, type Forked, type ForkOptions } from "./fork-store.ts";
export type { RecoveryFacts, RecoveryReport } from "./recovery-report.ts";
export type { DamagedEntity } from "./snapshot-view.ts";
