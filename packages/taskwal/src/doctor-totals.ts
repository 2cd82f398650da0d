/** What a diagnosis comes to: how many files are well, what of the others can be read, and the exit code. */
import {
  findingKinds,
  type Diagnosis,
  type FindingCounts,
  type FindingKind,
  type Program,
} from "@taskwal/doctor";
import { exitCodes } from "./exit-codes.ts";

export interface DoctorTotals {
  readonly files: number;
  /** Of which nothing was found, by itself or beside others. */
  readonly filesWell: number;
  readonly bytes: number;
  /** How much of what can be read, copies in snapshots left out. */
  readonly readable: readonly Readable[];
  /** How many findings of each kind there are, those included that are only counted. */
  readonly found: FindingCounts;
  readonly exitCode: number;
}

export interface Readable {
  readonly program?: Program;
  readonly unit: string;
  readonly count: number;
}

/** Kinds that say that bytes are not what was written. */
const damage: readonly FindingKind[] = ["torn", "glued", "zeroed", "garbled"];

export const doctorTotals = (diagnosis: Diagnosis): DoctorTotals => {
  const { files, findings } = diagnosis;
  const beside = new Set(findings.map(({ file }) => file));
  const found = sumOf([
    ...files.map((file) => file.found),
    ...findings.map(({ kind }) => ({ [kind]: 1 })),
  ]);
  return {
    files: files.length,
    filesWell: files.filter((each) => each.findings.length === 0 && !beside.has(each.file)).length,
    bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    readable: readableOf(diagnosis),
    found,
    exitCode: exitCodeOf(diagnosis, found),
  };
};

const sumOf = (counts: readonly FindingCounts[]): FindingCounts =>
  Object.fromEntries(
    findingKinds
      .map((kind) => [kind, counts.reduce((sum, each) => sum + (each[kind] ?? 0), 0)] as const)
      .filter(([, sum]) => sum > 0),
  );

const readableOf = ({ files }: Diagnosis): Readable[] => {
  const sums = new Map<string, Readable>();
  for (const { program, unit, count } of files) {
    // Each snapshot has the same tasks again.
    if (unit === "tasks" || count === 0) continue;
    const key = `${program ?? ""} ${unit}`;
    const sum = count + (sums.get(key)?.count ?? 0);
    sums.set(key, { ...(program && { program }), unit, count: sum });
  }
  return [...sums.values()];
};

const exitCodeOf = ({ files, skipped }: Diagnosis, found: FindingCounts): number => {
  if (damage.some((kind) => found[kind] !== undefined)) return exitCodes.corruption;
  const isPartial = files.length === 0 || skipped.some(({ isRefusal }) => isRefusal);
  const isFine = Object.keys(found).length === 0 && !isPartial;
  return isFine ? exitCodes.fine : exitCodes.difference;
};
