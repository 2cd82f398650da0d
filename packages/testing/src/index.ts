/** The kit for users' models: the simulated disk, mutations from schemas, and the check of a model. */
export {
  createSimDisk,
  SimCrash,
  type PowerCutChoice,
  type PowerCutPolicy,
  type SimCall,
  type SimClock,
  type SimDisk,
  type SimDiskOptions,
  type SimFaultOptions,
  type SimFaultPlace,
  type SimProcess,
  type SimProcessOptions,
  type SimState,
  type UnsyncedName,
  type UnsyncedWrite,
} from "@taskwal/disk/sim";
export { BrokenModelError } from "./broken-model-error.ts";
export { checkModel, type CheckOptions, type CheckReport } from "./check-model.ts";
export { mutationsOf, type Mutation, type MutationsOptions } from "./mutations-of.ts";
export type { OldValues } from "./old-values.ts";
export type { Step } from "./plan.ts";
