/**
 * Makes test/fixtures/schemas: a store of the notes of test/src/world/migrating-model.ts as their version 1
 * left it, and the same store once version 2 had opened and closed it. And one of test/src/world/partial-model.ts that an
 * older program closed: with records that wait, and entities of a kind that it does not know.
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
import { openPart, openWhole } from "./dist/test/src/world/partial-model.js";

const [target] = process.argv.slice(2);
if (!target || existsSync(target)) throw new Error("give a folder that does not exist");

const newDisk = () => createSimDisk({ seed: 1, startMs: Date.parse("2026-11-28T12:00:00.000Z") });
const sim = newDisk();
const save = (name, sim) => {
  for (const path of sim.listRaw()) {
    const file = join(target, name, path.slice("/state".length));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, sim.readRaw(path, "durable"));
  }
};

await leaveFirst(sim);
sim.powerCut("none");
save("notes-v1", sim);
await (await openSecond(sim.process("newer"))).close();
save("notes-v2", sim);

const partial = newDisk();
const whole = partial.process("newer");
const store = await openWhole(whole);
await store.notes.mutate("a", "note.created", { text: "a" });
await store.notes.append("a", "lines", { text: "first" });
await store.notes.mutate("b", "note.created", { text: "b" });
await store.tags.mutate("t", "tag.created", { text: "t" });
await store.snapshot();
await store.notes.mutate("b", "note.archived", {});
await store.transact((tx) => {
  tx.notes.mutate("a", "note.renamed", { text: "tx" });
  tx.notes.mutate("b", "note.renamed", { text: "tx" });
  tx.tags.mutate("t", "tag.renamed", { text: "tx" });
});
whole.kill();
await (await openPart(partial.process("older"))).close();
save("held-v1", partial);
