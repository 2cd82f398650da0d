/**
 * What cannot be read beside the log is a finding, and everything else is looked at all the same.
 *
 * Method: two mirrors and an archived entity that were edited, on the simulated disk; one of them cannot be opened.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { expect, it } from "vitest";
import { checkBeside } from "./check-beside.ts";

const edited = ["tasks/one.json", "tasks/two.json", "archive/three.json"];

it.each(edited)("that %s cannot be read is told, and hides nothing of the others", async (name) => {
  const sim = createSimDisk();
  for (const file of edited) sim.writeRaw(`/state/${file}`, Buffer.from("{}\n"));
  sim.fail(({ kind, path }) => kind === "open" && path === `/state/${name}`, "EACCES");
  const directory = await sim.process().openDirectory("/state");
  const { files, findings } = await checkBeside(directory, ["tasks"]);
  await directory.close();
  expect(files).toBe(3);
  expect(findings.map(({ file }) => file)).toEqual(edited);
  const refused = findings.filter(({ message }) => message.includes("cannot be read: EACCES"));
  expect(refused.map(({ file }) => file)).toEqual([name]);
});
