/**
 * Makes test/fixtures/schemas: a store of the notes of test/src/world/migrating-model.ts as their version 1
 * left it, and the same store once version 2 had opened and closed it.
 *
 *     node test/make-schema-fixtures.mjs <folder that does not exist>        after `tsc -b`
 *
 * The rule: a fixture is what the code of its day wrote. It is never edited and never made again: a newer
 * version of format or schema gets a fixture of its own.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createSimDisk } from "@taskwal/disk/sim";
import { leaveFirst, openSecond } from "./dist/test/src/world/migrating-model.js";

const [target] = process.argv.slice(2);
if (!target || existsSync(target)) throw new Error("give a folder that does not exist");

const sim = createSimDisk({ seed: 1, startMs: Date.parse("2026-11-28T12:00:00.000Z") });
const save = (name) => {
  for (const path of sim.listRaw()) {
    const file = join(target, name, path.slice("/state".length));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, sim.readRaw(path, "durable"));
  }
};

await leaveFirst(sim);
sim.powerCut("none");
save("notes-v1");
await (await openSecond(sim.process("newer"))).close();
save("notes-v2");
