/**
 * Directories of other programs on the simulated disk, damaged on purpose, and what the doctor says of them.
 *
 * The rule: each diagnosis that a test asks for is one that changed nothing on the disk.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { diagnose, type Diagnosis, type Finding } from "@taskwal/doctor";
import { expect } from "vitest";

export type Files = Readonly<Record<string, string | Uint8Array>>;

export const folder = "/theirs";

export const diskWith = (files: Files): SimDisk => {
  const sim = createSimDisk();
  for (const [name, bytes] of Object.entries(files))
    sim.writeRaw(`${folder}/${name}`, Buffer.from(bytes));
  return sim;
};

/** Looks through these files, on a disk that `arrange` may do something to before. */
export const diagnosed = async (
  files: Files,
  arrange: (sim: SimDisk) => void = () => {},
): Promise<Diagnosis> => {
  const sim = diskWith(files);
  arrange(sim);
  const calls = sim.callCount;
  const diagnosis = await diagnose(sim.process("doctor"), folder);
  expect(sim.callCount, "calls that change something").toBe(calls);
  return diagnosis;
};

const words = ({ kind, file, line, startBytes, copyIn }: Finding): string =>
  [
    kind,
    file,
    line === undefined ? "" : `line ${line}`,
    startBytes === undefined ? "" : `byte ${startBytes}`,
    copyIn === undefined ? "" : `whole in ${copyIn}`,
  ]
    .filter((part) => part !== "")
    .join(" ");

/** All findings, one in a line: "torn a.jsonl line 3 byte 120". */
export const told = ({ files, findings }: Diagnosis): string[] =>
  [...files.flatMap((file) => file.findings), ...findings].map(words);

/** How much of a file can be read. */
export const countOf = (diagnosis: Diagnosis, file: string): number | undefined =>
  diagnosis.files.find((report) => report.file === file)?.count;

export const reasonsOf = ({ files, findings }: Diagnosis): string[] =>
  [...files.flatMap((file) => file.findings), ...findings].map(({ reason }) => reason);
