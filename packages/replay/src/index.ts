/** Reading a directory offline: what happened, record by record. */
export { differingEntities, type DifferingEntity } from "./diff-states.ts";
export { openOffline } from "./open-offline.ts";
export { PointError } from "./point-error.ts";
export type {
  Blame,
  Boot,
  Change,
  Difference,
  EntityRef,
  FieldChange,
  FileInfo,
  Finding,
  Gap,
  Info,
  Offline,
  OfflineOptions,
  OfflineRecord,
  Predicate,
  Provenance,
  StateAt,
  Trust,
  VerifyReport,
  WhatIf,
} from "./offline.ts";
