/**
 * Every file and every line: what is not as it should be, what it means, and what an opening would do.
 *
 * The rule: reads only; the judgement is the replay's own (replay-log.ts), told in the words of a person.
 */
import { openNodeDisk, type Directory } from "@taskwal/disk";
import { listSnapshots, verifySnapshot } from "@taskwal/snapshot";
import type { FileInfo, Finding, VerifyReport } from "./offline.ts";
import type { Survey } from "./survey.ts";

export type FilesReport = Omit<VerifyReport, "provenance"> & {
  readonly listed: readonly FileInfo[];
};

export const checkFiles = async (dir: string, survey: Survey): Promise<FilesReport> => {
  const directory = await openNodeDisk().openDirectory(dir);
  try {
    const listed = [...segmentsOf(survey), ...(await snapshotsOf(directory))];
    const findings = [...logFindings(survey), ...snapshotFindings(listed)];
    const isCorrupt = findings.some(({ level }) => level === "error");
    const isDivergent = survey.history.failure !== undefined;
    return {
      listed,
      files: listed.length,
      records: survey.times.length,
      bytes: listed.reduce((sum, { bytes }) => sum + bytes, 0),
      findings,
      opening: openingOf(survey),
      exitCode: isCorrupt ? 4 : isDivergent ? 5 : 0,
    };
  } finally {
    await directory.close();
  }
};

const segmentsOf = ({ history, times }: Survey): FileInfo[] => {
  const { listing, end } = history;
  const { segments, overridden } = listing;
  const kept = segments.map((segment, index): FileInfo => {
    const { name, sizeBytes, id } = segment;
    const next = segments[index + 1]?.id.first ?? Infinity;
    const last = times.findLast(([sequence]) => sequence >= id.first && sequence < next)?.[0];
    const damaged = end.damaged.some(({ file }) => file === name);
    const torn = end.torn.some(({ file }) => file === name);
    const verdict = damaged ? "damaged" : torn ? "torn" : "ok";
    return { name, kind: "segment", first: id.first, last, bytes: sizeBytes, verdict };
  });
  const old = overridden.map(({ name, sizeBytes, id }) => {
    return {
      name,
      kind: "segment",
      first: id.first,
      last: undefined,
      bytes: sizeBytes,
      verdict: "overridden",
    };
  });
  return [...kept, ...old];
};

const snapshotsOf = async (directory: Directory): Promise<FileInfo[]> => {
  const files: FileInfo[] = [];
  for (const { name } of await listSnapshots(directory)) {
    const reading = await verifySnapshot(directory, name);
    files.push(
      reading.ok
        ? {
            name,
            kind: "snapshot",
            first: undefined,
            last: reading.head.sequence,
            bytes: reading.sizeBytes,
            verdict: "ok",
          }
        : {
            name,
            kind: "snapshot",
            first: undefined,
            last: undefined,
            bytes: 0,
            verdict: `${reading.kind}: ${reading.reason}`,
          },
    );
  }
  return files;
};

const logFindings = ({ history, gaps }: Survey): Finding[] => {
  const { end, facts, failure } = history;
  const lostEntities = facts.lostVersions.map(({ entity, id }) => ({ entity, id }));
  return [
    ...end.damaged.map(({ file, startBytes, endBytes, reason }): Finding => {
      const message = `${endBytes - startBytes} bytes do not verify: ${reason}`;
      return { level: "error", check: "lines", file, offset: startBytes, message };
    }),
    ...gaps.map(({ from, to, file = "wal" }): Finding => {
      const count = to - from + 1;
      const message = `${count === 1 ? "1 record is" : `${count} records are`} lost; states from @${from} on are crossed-gap until a snapshot that knows better`;
      return {
        level: "error",
        check: "sequence",
        file,
        sequences: [from, to],
        entities: lostEntities,
        message,
      };
    }),
    ...end.torn.map(({ file, startBytes, endBytes }): Finding => {
      const message = `${endBytes - startBytes} bytes that a crash cut off; they were never promised (normal after a crash)`;
      return { level: "note", check: "tail", file, offset: startBytes, message };
    }),
    ...end.notes.map((message): Finding => ({
      level: "warning",
      check: "files",
      file: "wal",
      message,
    })),
    ...(failure
      ? [
          {
            level: "warning" as const,
            check: "model",
            file: "wal",
            sequences: [failure.sequence, failure.sequence] as const,
            message: failure.message,
          },
        ]
      : []),
  ];
};

const snapshotFindings = (files: readonly FileInfo[]): Finding[] =>
  files
    .filter(({ kind, verdict }) => kind === "snapshot" && verdict !== "ok")
    .map(({ name, verdict }) => ({
      level: "error",
      check: "snapshot",
      file: name,
      message: `it does not verify: ${verdict}`,
    }));

const openingOf = ({ history, gaps }: Survey): string => {
  const { end } = history;
  const parts = [
    `replay up to @${history.last}`,
    end.torn.length > 0 ? "set aside what a crash cut off" : "",
    gaps.length > 0
      ? "keep what verifies behind the damage, and say in a $gap record what is lost"
      : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
};
