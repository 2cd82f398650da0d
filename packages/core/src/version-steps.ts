/**
 * Steps from one schema version to the next: upcasters of payloads, migrations of entities.
 *
 *     version 3:   v1 ──step 1──> v2 ──step 2──> v3
 *
 * The rule: every version that was ever written stays readable, so version V has the steps 1 to V-1,
 * all of them and no other; checked when the model is defined, never first met by a recovery.
 */
import { freezeJson, type JsonValue } from "@taskwal/format";

// oxlint-disable-next-line typescript/no-explicit-any -- an old shape exists in no type of today's program; only the step's author knows it
export type VersionStep = (old: any) => unknown;

/** `{ 1: f, 2: g }`: f makes version 2 of version 1, g makes version 3 of version 2. Pure functions. */
export type VersionSteps = { readonly [fromVersion: number]: VersionStep };

/**
 * The steps as a map, complete for `version`.
 * @throws TypeError if the version is no positive integer, or a step is missing, unneeded or no function.
 */
export const completeSteps = (
  subject: string,
  version: number,
  steps: VersionSteps = {},
): ReadonlyMap<number, VersionStep> => {
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new TypeError(`the version of ${subject} is ${version}, not a positive integer`);
  }
  for (const key of Object.keys(steps)) {
    const from = Number(key);
    if (!Number.isSafeInteger(from) || from < 1 || from >= version) {
      throw new TypeError(
        `${subject} is at version ${version} and has no use for a step from ${key}`,
      );
    }
  }
  const complete = new Map<number, VersionStep>();
  for (let from = 1; from < version; from++) {
    const step = steps[from];
    if (typeof step !== "function") {
      throw new TypeError(
        `${subject} is at version ${version} but has no step from version ${from}`,
      );
    }
    complete.set(from, step);
  }
  return complete;
};

/**
 * `value` of `fromVersion` as it is at `version`, frozen; the same object if they are equal.
 * @throws RangeError if no chain of steps leads from the one to the other, which includes a newer
 * `fromVersion`; TypeError if the result is no JSON; what a step throws passes through.
 */
export const runSteps = (
  subject: string,
  steps: ReadonlyMap<number, VersionStep>,
  version: number,
  value: JsonValue,
  fromVersion: number,
): JsonValue => {
  if (fromVersion === version) return value;
  if (fromVersion > version) {
    throw new RangeError(
      `${subject} is of version ${fromVersion}, newer than ${version}, the newest known`,
    );
  }
  let current: unknown = value;
  for (let from = fromVersion; from < version; from++) {
    const step = steps.get(from);
    if (step === undefined) throw new RangeError(`${subject} has no step from version ${from}`);
    current = step(current);
  }
  const defect = freezeJson(current);
  if (defect)
    throw new TypeError(`the steps of ${subject} gave no JSON: ${defect.path} ${defect.reason}`);
  return current as JsonValue;
};
