/**
 * The door for tests: the simulated disk and the kit that checks a model.
 *
 * The rule: `index.ts` never imports it, so a program that runs loads none of it.
 */
export {
  BrokenModelError,
  checkModel,
  createSimDisk,
  mutationsOf,
  SimCrash,
  type CheckOptions,
  type CheckReport,
  type Mutation,
  type MutationsOptions,
  type OldValues,
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
  type Step,
  type UnsyncedName,
  type UnsyncedWrite,
} from "@taskwal/testing";
