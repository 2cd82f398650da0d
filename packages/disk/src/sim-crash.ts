/**
 * How a simulated process learns that it is dead: every call after a power cut, a kill or a restore
 * ends with this. It has no `code`: it is no answer of an operating system.
 *
 * The rule: code under test must not survive it; a test treats whatever a dead process does as undone.
 */
export class SimCrash extends Error {
  override readonly name = "SimCrash";
}
