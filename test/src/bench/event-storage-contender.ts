/**
 * event-storage with `syncOnFlush`, all events in one stream, so that one sync may cover what came together.
 *
 * The rule: its write buffer is made large enough for any payload. At its default of 16 KiB a larger event
 * goes around the buffer, and around the sync with it.
 */
import { join } from "node:path";
import type { Contender } from "./contender.ts";
import type { Peers } from "./peers.ts";

interface EventStore {
  once(event: "ready", listener: () => void): void;
  commit(stream: string, events: readonly unknown[], committed: () => void): void;
  close(): void;
}

type EventStoreModule = new (name: string, config: Readonly<Record<string, unknown>>) => EventStore;

const writeBufferSize = 32 * 1024 * 1024;

export const eventStorageContender = (peers: Peers): Contender[] => {
  const EventStore = peers.load("event-storage") as EventStoreModule | undefined;
  if (!EventStore) return [];
  return [
    {
      name: "event-storage, syncOnFlush",
      weaker: "its index is not synced, and a record carries no checksum",
      async open(dir) {
        const store = new EventStore("events", {
          storageDirectory: join(dir, "events"),
          storageConfig: { syncOnFlush: true, writeBufferSize },
        });
        await new Promise<void>((resolve) => {
          store.once("ready", resolve);
        });
        return {
          append: (_caller, { value }) =>
            new Promise<void>((resolve) => {
              store.commit("items", [value], resolve);
            }),
          close: () => store.close(),
        };
      },
    },
  ];
};
