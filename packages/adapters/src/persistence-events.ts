/**
 * The events of the drop-in: the documented five, and the engine's own passed on.
 *
 * The rule: no name is "error", so what nobody listens to ends no process; a listener that throws breaks no save.
 */
import type { RecoveryReport, StoreEvents } from "@taskwal/core";
import { DiskFailedError } from "@taskwal/errors";
import type { Opener } from "./open-persistence.ts";

/** ISO 8601. */
interface Timed {
  readonly timestamp: string;
}

/** As the engine tells them: see docs/events.md. */
const passedOn = [
  "state:corruption",
  "state:held",
  "state:save-failing",
  "backup:created",
  "backup:failed",
  "disk:low",
  "disk:full",
  "disk:denied",
  "migration:started",
  "migration:done",
  "mirror:conflict",
  "poisoned",
  "listener:error",
  "closed",
] as const satisfies readonly (keyof StoreEvents)[];

type PassedOn = Pick<StoreEvents, (typeof passedOn)[number]>;

export interface PersistenceEvents extends PassedOn {
  /** What `saveState` was given is durable (no size then), or a `state.json` is in place. */
  "state:saved": [
    facts: Timed & {
      readonly sequence: number;
      readonly sizeBytes?: number;
      readonly durationMs?: number;
    },
  ];
  /** An opening is done: `report.clean` says whether there is anything to read in it. */
  "state:recovered": [report: RecoveryReport];
  /** The state is in memory. */
  "state:loaded": [facts: Timed & { readonly sequence: number; readonly durationMs: number }];
  /**
   * Something could not be saved; the service goes on. A DiskFailedError has the `path`, and for want of permission the
   * `mode` and the `remedy`.
   */
  "state:save-error": [error: Error];
  /** An automatic save begins. */
  "autosave:triggered": [facts: Timed & { readonly sequence: number }];
  /** The last save begins: a listener that calls `saveTask` or `saveState` at once is waited for. */
  "shutdown:save": [facts: Timed];
  /** `basePath` cannot be used: from here on the state is saved at `backupPath`. */
  "backup-location:used": [facts: { readonly path: string; readonly error: Error }];
  /** `backupPath` cannot be used, or what had been saved there cannot be read: it stays there as it is. */
  "backup-location:failed": [facts: { readonly path: string; readonly error: Error }];
  /** What had been saved at `backupPath` is in the state of `basePath` again. */
  "backup-location:returned": [facts: { readonly path: string; readonly tasks: number }];
}

export type Tell = <Name extends keyof PersistenceEvents>(
  name: Name,
  ...facts: PersistenceEvents[Name]
) => void;

/** What to give to `openTaskStore({ on })`. `now` gives milliseconds since the epoch. */
export const engineListeners = (
  { tell, tellFailure }: Pick<Opener, "tell" | "tellFailure">,
  now: () => number,
): object => {
  const timestamp = (): string => new Date(now()).toISOString();
  return {
    ...Object.fromEntries(
      passedOn.map((name) => [name, (...facts: unknown[]) => tell(name, ...(facts as never))]),
    ),
    recovered: (report: RecoveryReport) => tell("state:recovered", report),
    "state:saved": (facts: object) =>
      tell("state:saved", { timestamp: timestamp(), ...facts } as never),
    "state:loaded": (facts: object) =>
      tell("state:loaded", { timestamp: timestamp(), ...facts } as never),
    "autosave:triggered": (facts: object) =>
      tell("autosave:triggered", { timestamp: timestamp(), ...facts } as never),
    "state:save-error": ({ error }: { readonly error: Error }) => tellFailure(error),
  };
};

/** Whether another location, or another time, may help. */
export const isDiskFailure = (error: unknown): error is DiskFailedError =>
  error instanceof DiskFailedError;
