/**
 * The other side of store-process.ts: runs what it is sent, with the built packages.
 *
 * The rule: it writes nothing to stdout itself, so that whatever stands there came from the library.
 */
import { StatePersistence } from "@taskwal/adapters/state-persistence";
import { openNodeDisk } from "@taskwal/disk";
import * as taskwal from "taskwal";
import * as fs from "node:fs";
import { inspect } from "node:util";

const world = {
  ...taskwal,
  StatePersistence,
  openNodeDisk,
  fs,
  load: (url) => import(url),
  kept: {},
};

const answer = async ({ id, source, argument }) => {
  try {
    // oxlint-disable-next-line no-eval -- the source comes from the test that started this
    const value = await (0, eval)(`(${source})`)(world, argument);
    process.send({ id, value });
  } catch (error) {
    const { name, message, code, ...facts } = error;
    process.send({ id, error: { ...facts, name, message, code, cause: inspect(facts.cause) } });
  }
};
process.on("message", (message) => void answer(message));
process.on("disconnect", () => process.exit());
process.send({ id: 0 });
