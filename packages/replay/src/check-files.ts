/**
 * Every file and every line: what is not as it should be, what it means, and what an opening would do.
 *
 * The rule: reads only; the judgement is the replay's own (replay-log.ts), told in the words of a person.
 */
import {
  openForReading,
  planOpening,
  readHistory,
  type HistoryVisitor,
  type Model,
  type OpeningPlan,
} from "@taskwal/core";
import { openNodeDisk, type Directory } from "@taskwal/disk";
import { listSnapshots, verifySnapshot } from "@taskwal/snapshot";
import { checkBeside, type BesideReport } from "./check-beside.ts";
import { endOfLog, logReportOf, type LogReport } from "./log-report.ts";
import type { FileInfo, Finding, Gap, VerifyReport } from "./offline.ts";
import type { OpenTrackOptions } from "./open-track.ts";
import { provenanceOf } from "./provenance.ts";
import type { Track } from "./track.ts";

export interface FilesReport {
  readonly listed: readonly FileInfo[];
  readonly findings: readonly Finding[];
}

export const checkFiles = async (dir: string, log: LogReport): Promise<FilesReport> => {
  const directory = await openForReading({ disk: openNodeDisk(), dir });
  try {
    const listed = [...segmentsOf(log), ...(await snapshotsOf(directory))];
    return { listed, findings: [...logFindings(log), ...snapshotFindings(listed)] };
  } finally {
    await directory.close();
  }
};

/** Every line of every file, read now. Throws what `readHistory` throws. */
export const verifyDirectory = async (
  { dir, model, signal, onProgress }: OpenTrackOptions,
  track: Track,
): Promise<VerifyReport> => {
  let records = 0;
  const start = (): HistoryVisitor => {
    records = 0;
    return { correct: () => {}, record: () => (records += 1), dropped: () => {} };
  };
  const log = logReportOf(
    await readHistory({ dir, model, fromNothing: true, start, signal, onProgress }),
  );
  const { listed, findings } = await checkFiles(dir, log);
  const beside = await besideOf(dir, model);
  const all = [...findings, ...divergenceFindings(track), ...beside.findings];
  const provenance = provenanceOf(track, endOfLog(track.log));
  return {
    files: listed.length + beside.files,
    records,
    bytes: listed.reduce((sum, { bytes }) => sum + bytes, beside.bytes),
    findings: all,
    opening: openingWords(await planOpening({ dir, model })),
    exitCode: all.some(({ level }) => level === "error")
      ? 4
      : provenance.trust === "divergent"
        ? 5
        : 0,
    provenance,
  };
};

const besideOf = async (dir: string, model: Model): Promise<BesideReport> => {
  const directory = await openForReading({ disk: openNodeDisk(), dir });
  try {
    return await checkBeside(
      directory,
      [...model.entities.values()].map(({ collection }) => collection),
    );
  } finally {
    await directory.close();
  }
};

const segmentsOf = ({ segments, damaged, torn, last }: LogReport): FileInfo[] => {
  const kept = segments.filter(({ overridden }) => !overridden);
  return segments.map(({ name, first, bytes, overridden }): FileInfo => {
    const start = { name, kind: "segment", first, bytes };
    if (overridden) return { ...start, last: undefined, verdict: "overridden" };
    const next = kept[kept.findIndex((one) => one.name === name) + 1];
    const end = Math.min(last, (next?.first ?? Infinity) - 1);
    const isDamaged = damaged.some(({ file }) => file === name);
    const isTorn = torn.some(({ file }) => file === name);
    const verdict = isDamaged ? "damaged" : isTorn ? "torn" : "ok";
    return { ...start, last: end < first ? undefined : end, verdict };
  });
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

const logFindings = (log: LogReport): Finding[] => [
  ...log.damaged.map(({ file, startBytes, endBytes, reason }): Finding => {
    const message = `${endBytes - startBytes} bytes do not verify: ${reason}`;
    return { level: "error", check: "lines", file, offset: startBytes, message };
  }),
  ...log.gaps.map((gap) => gapFinding(gap, log)),
  ...log.torn.map(({ file, startBytes, endBytes }): Finding => {
    // What was promised and rotted with all that vouches for it looks the same.
    const message = `${endBytes - startBytes} bytes that a crash cut off, normal after one; may include acknowledged records of the last batch, if it rotted`;
    return { level: "note", check: "tail", file, offset: startBytes, message };
  }),
  ...log.notes.map((message): Finding => ({
    level: "warning",
    check: "files",
    file: "wal",
    message,
  })),
  ...(log.failure ? [failureFinding(log.failure)] : []),
];

/** One that is recorded is no damage of this store: its lines verify. */
const gapFinding = ({ from, to, file = "wal", recorded }: Gap, { lost }: LogReport): Finding => {
  const count = to - from + 1;
  const are = count === 1 ? "1 record is" : `${count} records are`;
  const message = `${are} lost; states from @${from} on are crossed-gap until a snapshot that knows better`;
  const what = { sequences: [from, to] as const, entities: lost, message };
  return { level: recorded ? "warning" : "error", check: "sequence", file, ...what };
};

const failureFinding = ({ sequence, message }: NonNullable<LogReport["failure"]>): Finding => {
  const sequences = [sequence, sequence] as const;
  return { level: "warning", check: "model", file: "wal", sequences, message };
};

const divergenceFindings = ({ compared }: Track): Finding[] =>
  compared
    .filter(({ differing }) => differing > 0)
    .map(({ name, sequence, differing, first }) => {
      const entities = differing === 1 ? "1 entity is" : `${differing} entities are`;
      const message = `it verifies, but ${entities} not what the log comes to at @${sequence} with this model`;
      const what = { sequences: [sequence, sequence] as const, message };
      return {
        level: "warning",
        check: "divergence",
        file: name,
        ...what,
        ...(first && { entities: [first] }),
      };
    });

const snapshotFindings = (files: readonly FileInfo[]): Finding[] =>
  files
    .filter(({ kind, verdict }) => kind === "snapshot" && verdict !== "ok")
    .map(({ name, verdict }) => ({
      level: "error",
      check: "snapshot",
      file: name,
      message: `it does not verify: ${verdict}`,
    }));

const openingWords = (plan: OpeningPlan): string => {
  const { refusal, snapshot, passedOver, last, lost, damaged, tornBytes, migrated } = plan;
  if (refusal) return `refuse, and change nothing: ${refusal.message}`;
  const lostWords = lost.map(([from, to]) => (from === to ? `@${from}` : `@${from}…@${to}`));
  const parts = [
    passedOver.length > 0 ? `not use ${passedOver.map(({ name }) => name).join(", ")}` : "",
    snapshot ? `begin with ${snapshot.name} @${snapshot.sequence}` : "begin with nothing",
    snapshot?.sequence === last ? "replay nothing behind it" : `replay up to @${last}`,
    migrated > 0 ? `migrate ${migrated} of its entities` : "",
    tornBytes > 0 ? "set aside what a crash cut off" : "",
    damaged.length > 0 ? "set aside what is damaged" : "",
    lost.length > 0
      ? `keep what verifies behind the damage, and say in a $gap record that ${lostWords.join(", ")} is lost`
      : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
};
