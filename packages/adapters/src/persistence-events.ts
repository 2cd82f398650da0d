/**
 * The events of the drop-in: the documented five, and the engine's own passed on.
 *
 * The rule: no name is "error", so what nobody listens to ends no process; a listener that throws breaks no save.
 */
import type { StoreEvents } from "@taskwal/core";
import { DiskFailedError } from "@taskwal/errors";

/** ISO 8601. */
interface Timed {
  readonly timestamp: string;
}

/** As the engine tells them: see docs/events.md. */
const passedOn = [
  "state:corruption",
  "state:save-failing",
  "recovered",
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
  /** The state is in memory. */
  "state:loaded": [facts: Timed & { readonly sequence: number; readonly durationMs: number }];
  /** Something could not be saved; the service goes on. The error says what and where. */
  "state:save-error": [error: Error];
  /** An automatic save begins. */
  "autosave:triggered": [facts: Timed & { readonly sequence: number }];
  /** The last save begins: a listener that calls `saveTask` or `saveState` at once is waited for. */
  "shutdown:save": [facts: Timed];
  /** `basePath` cannot be used: from here on the state is saved at `backupPath`. */
  "backup-location:used": [facts: { readonly path: string; readonly error: Error }];
  /** What had been saved at `backupPath` is in the state of `basePath` again. */
  "backup-location:returned": [facts: { readonly path: string; readonly tasks: number }];
}

export type Tell = <Name extends keyof PersistenceEvents>(
  name: Name,
  ...facts: PersistenceEvents[Name]
) => void;

/** What to give to `openTaskStore({ on })`. `now` gives milliseconds since the epoch. */
export const engineListeners = (tell: Tell, now: () => number): object => {
  const timestamp = (): string => new Date(now()).toISOString();
  return {
    ...Object.fromEntries(
      passedOn.map((name) => [name, (...facts: unknown[]) => tell(name, ...(facts as never))]),
    ),
    "state:saved": (facts: object) =>
      tell("state:saved", { timestamp: timestamp(), ...facts } as never),
    "state:loaded": (facts: object) =>
      tell("state:loaded", { timestamp: timestamp(), ...facts } as never),
    "autosave:triggered": (facts: object) =>
      tell("autosave:triggered", { timestamp: timestamp(), ...facts } as never),
    "state:save-error": ({ error }: { readonly error: Error }) => tell("state:save-error", error),
  };
};

/** Whether another location, or another time, may help. */
export const isDiskFailure = (error: unknown): error is DiskFailedError =>
  error instanceof DiskFailedError;
