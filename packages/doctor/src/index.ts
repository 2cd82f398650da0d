/** Reads the directories of other programs, and says what is torn, glued, zeroed, hidden or missing. */
export { diagnose, type Diagnosis, type DiagnoseOptions } from "./diagnose.ts";
export {
  findingKinds,
  type FileReport,
  type Finding,
  type FindingCounts,
  type FindingKind,
  type Program,
} from "./finding.ts";
export { type Skipped } from "./walk.ts";
