/**
 * One case of the contract that the bridge relies on: it runs on any program, and says what was captured
 * of the real ones.
 *
 * The rule: a case never asks which program it runs on, only which release that is.
 */
import type { Program, Release } from "./agentapi-process.ts";

export interface ContractCase {
  readonly name: string;
  /** Default: those that save their state, 0.12.0 and later. */
  readonly releases?: readonly Release[];
  readonly run: (program: Program) => Promise<void>;
}

export const withState: readonly Release[] = ["0.12.0", "0.12.1"];
export const allReleases: readonly Release[] = ["0.11.8", ...withState];
