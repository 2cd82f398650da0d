/**
 * The promises of `Disk` as tests: for the real disk, the simulated one, and any other.
 *
 *     diskContract({ describe, it, expect }, { name: "sim", openDisk, makePath })
 *
 * The test runner is a parameter (vitest, or any with the same three functions), so that this file
 * needs none to run.
 *
 * The rule: what is tested here may be relied on; what is not, may differ between disks.
 */

import { directoryContract } from "./contract-directory.ts";
import { fileContract } from "./contract-file.ts";
import { worldContract } from "./contract-world.ts";
import type { Disk } from "./index.ts";

/** What the suite asks of an expectation: the part that vitest, jest and others share. */
export interface Expectation {
  readonly not: Expectation;
  readonly rejects: { toMatchObject(expected: object): Promise<void>; toThrow(): Promise<void> };
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toMatchObject(expected: object): void;
  toBeGreaterThanOrEqual(expected: number): void;
  toContain(expected: unknown): void;
  toThrow(): void;
}

export interface TestRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
  readonly expect: (actual: unknown) => Expectation;
}

export interface DiskSubject {
  readonly name: string;
  /** A new process, or what stands for one, on the disk under test. */
  openDisk(): Disk;
  /** A path where nothing is yet, in an existing directory, another one for each call. */
  makePath(): Promise<string>;
  /** Lets at least so many milliseconds pass for the clock of these disks. Default: real time. */
  passTime?(ms: number): Promise<void>;
  /** Cuts the power, loses everything unsynced, and returns a new process. Leave out where it cannot be done. */
  powerCut?(): Promise<Disk>;
}

/** Registers the whole suite. */
export const diskContract = (runner: TestRunner, subject: DiskSubject): void => {
  runner.describe(`the disk "${subject.name}"`, () => {
    directoryContract(runner, subject);
    fileContract(runner, subject);
    worldContract(runner, subject);
  });
};
