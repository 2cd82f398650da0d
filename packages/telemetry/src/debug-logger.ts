/**
 * What a store does, as lines of `debug` on stderr: `DEBUG=persistence:*`.
 *
 *     persistence:state    saved {"sequence":7,"sizeBytes":412,"durationMs":3}
 *     persistence:mutation {"type":"task.updated","collection":"tasks","id":"6f…","version":8,"sequence":4711}
 *     └ the event's first word └ the rest of it, and its facts
 *
 * The rule: a line holds ids, types, sequences, sizes, durations, names of files and what errors are (`errorFacts`). Never
 * a payload or an entity, nor what a reducer, a schema or a listener said of one.
 */
import createDebug from "debug";
import { errorFacts, type StoreEvents } from "@taskwal/core";

/** Any store: of tasks, of another model, read-only. */
export interface DebuggedStore {
  readonly recovery: StoreEvents["recovered"][0];
  on<Name extends keyof StoreEvents>(
    name: Name,
    listener: (...facts: StoreEvents[Name]) => void,
  ): () => void;
}

/** What a line says of each event. There is a line for every event: what is new must be thought of here. */
type Lines = { readonly [Name in keyof StoreEvents]: (...told: StoreEvents[Name]) => object };

const failed = ({ error, ...facts }: { readonly error: unknown }): object => ({
  ...facts,
  error: errorFacts(error),
});

const asTold = (facts: object): object => facts;

const opening = (report: StoreEvents["recovered"][0]): object => ({
  before: report.before,
  epoch: report.epoch,
  sequence: report.sequence,
  snapshot: report.snapshot?.name,
  replayed: report.replayed,
  tornRecords: report.tornRecords,
  lost: report.lost,
  damagedStretches: report.damaged.length,
  skipped: report.skipped.map(({ name }) => name),
  quarantined: report.quarantined,
  clean: report.clean,
  durationMs: report.durationMs,
});

const lines: Lines = {
  recovered: opening,
  "state:loaded": asTold,
  "state:corruption": opening,
  "state:held": asTold,
  "migration:started": asTold,
  "migration:done": asTold,
  "state:saved": asTold,
  "state:save-error": failed,
  "state:save-failing": failed,
  "autosave:triggered": asTold,
  "shutdown:save": asTold,
  "backup:created": asTold,
  "backup:failed": failed,
  "disk:low": asTold,
  "disk:full": failed,
  "disk:denied": failed,
  "log:synced": asTold,
  "mirror:conflict": asTold,
  mutation: ({ type, collection, id, version, sequence }) => ({
    type,
    collection,
    id,
    version,
    sequence,
  }),
  "mutation:failed": failed,
  poisoned: failed,
  "listener:error": failed,
  closed: () => ({}),
};

/**
 * Writes a line for each event of the store from here on, and one for the opening that it had, if `DEBUG` names its
 * namespace at the call: `persistence:*`, `persistence:state`, `persistence:*,-persistence:log`. Costs nothing otherwise.
 * Returns the function that ends it; it ends by itself when the store is closed.
 */
export const debugLogger = (store: DebuggedStore): (() => void) => {
  const stops: (() => void)[] = [];
  const listen = (event: keyof StoreEvents): void => {
    const [namespace, ...rest] = event.split(":");
    const log = createDebug(`persistence:${namespace}`);
    if (!log.enabled) return;
    // As JSON, so that an id with a line break or an escape sequence is one line and no command to a terminal.
    const factsOf = lines[event] as (...told: unknown[]) => object;
    const say = (...told: unknown[]): void =>
      log("%s", [...rest, JSON.stringify(factsOf(...told))].join(" "));
    if (event === "recovered") say(store.recovery);
    stops.push(store.on(event, say));
  };
  for (const event of Object.keys(lines) as (keyof StoreEvents)[]) listen(event);
  const stop = (): void => {
    for (const each of stops.splice(0)) each();
  };
  // Last of all, so that the close itself is still told.
  if (stops.length > 0) stops.push(store.on("closed", stop));
  return stop;
};
