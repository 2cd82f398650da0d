/**
 * `taskwal doctor`: what is torn, glued, zeroed, hidden or missing in the directory of another program,
 * and what of it can be read.
 *
 *     diagnose (reads) ─ a paragraph per file that is not well ─ what files say of each other ─ what it comes to
 *
 * The rule: names, ids, times and byte positions are shown, never what a task or a message says; and nothing is
 * written, nor is anybody told to remove something.
 */
import { openNodeDisk } from "@taskwal/disk";
import { diagnose, type Diagnosis, type FileReport, type Finding } from "@taskwal/doctor";
import { assertDirectory } from "./assert-directory.ts";
import { doctorTotals, type DoctorTotals } from "./doctor-totals.ts";
import { exitCodes } from "./exit-codes.ts";
import { openLateProgress } from "./late-progress.ts";
import { openAnswerSink, type AnswerSink } from "./reading/answer-sink.ts";
import { plain } from "./reading/plain-text.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { counted, sizeWords } from "./words.ts";

export interface DoctorCommandOptions {
  readonly dir: string;
  readonly json: boolean;
  readonly pager: boolean;
}

/**
 * Exit code 4 if bytes are damaged, 1 if something is hidden, missing or could not be read, else 0.
 * Throws UsageError if there is no directory, or if it is a store of taskwal, which `verify` looks through.
 */
export const runDoctor = async (
  { dir, json, pager }: DoctorCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  await assertDirectory(dir);
  const progress = openLateProgress();
  const onProgress = (files: number, bytes: number): void =>
    progress.show(() => `${counted(files, "file")}, ${sizeWords(bytes)} read`);
  const diagnosis = await diagnose(openNodeDisk(), dir, { onProgress }).finally(progress.end);
  if (diagnosis.layout === "taskwal")
    throw new UsageError(`${dir} is a store of taskwal: "taskwal verify ${dir}" looks through it`);
  const totals = doctorTotals(diagnosis);
  const sink = openAnswerSink(process.stdout, terminal, { json, pager });
  try {
    await (json ? tellMachine(sink, diagnosis, totals) : tellPerson(sink, dir, diagnosis, totals));
  } finally {
    await sink.end();
  }
  return totals.exitCode;
};

const tellMachine = async (
  { json }: AnswerSink,
  { files, findings, ...rest }: Diagnosis,
  totals: DoctorTotals,
): Promise<void> => {
  for (const { kind: found, ...finding } of [
    ...files.flatMap((file) => file.findings),
    ...findings,
  ])
    await json("finding", { found, ...finding });
  for (const { findings: _, ...file } of files) await json("file", file);
  await json("doctor", { ...rest, ...totals });
};

const tellPerson = async (
  sink: AnswerSink,
  dir: string,
  diagnosis: Diagnosis,
  totals: DoctorTotals,
): Promise<void> => {
  const { prose, text } = sink;
  await prose(`${plain(dir)} (only read)`);
  await prose(`  ${layoutWords[diagnosis.layout]}`);
  for (const report of diagnosis.files) await tellFile(sink, report);
  if (diagnosis.findings.length > 0) await text();
  for (const finding of diagnosis.findings) {
    await prose(plain(finding.file));
    await tellFinding(sink, finding);
  }
  if (diagnosis.findingsOmitted > 0)
    await prose(`and ${counted(diagnosis.findingsOmitted, "more finding")} of that kind`);
  await tellAside(sink, diagnosis);
  await text();
  await tellTotals(sink, diagnosis, totals);
  if (totals.exitCode !== exitCodes.fine) await tellNext(sink, dir, diagnosis);
};

const layoutWords: Readonly<Record<Diagnosis["layout"], string>> = {
  systemprompt: "a state directory of systemprompt-code-orchestrator",
  files: "JSON, JSONL and logs",
  taskwal: "a store of taskwal",
};

const tellFile = async (sink: AnswerSink, report: FileReport): Promise<void> => {
  const { findings, found } = report;
  if (findings.length === 0) return;
  const { text, prose } = sink;
  await text();
  await prose(`${plain(report.file)}  (${sizeWords(report.sizeBytes)})`);
  for (const finding of findings) await tellFinding(sink, finding);
  const more = Object.values(found).reduce((sum, count) => sum + count, 0) - findings.length;
  if (more > 0) await prose(`  and ${counted(more, "more finding")}`);
  await prose(`  readable: ${readableWords(report)}`);
  if (report.changing)
    await prose("  it was written meanwhile: what is torn at its end may be a write under way");
};

const tellFinding = async ({ prose, terminal }: AnswerSink, finding: Finding): Promise<void> => {
  const { kind, reason, line, copyIn } = finding;
  const where = line === undefined ? "" : `line ${line}: `;
  await prose(`  ${terminal.bad(kind.padEnd(kindColumns))}  ${where}${plain(reason)}`);
  if (copyIn !== undefined && !reason.includes(copyIn))
    await prose(`  ${" ".repeat(kindColumns)}  whole in ${plain(copyIn)}`);
};
const kindColumns = "unreadable".length;

const idsInTextMax = 3;

const readableWords = ({ count, unit, ids, idCount, firstAt, lastAt }: FileReport): string => {
  const shown = ids.slice(0, idsInTextMax).map(plain).join(" ");
  const more = idCount > idsInTextMax ? ` and ${idCount - idsInTextMax} more` : "";
  return [
    unitWords(count, unit),
    firstAt === undefined ? "" : firstAt === lastAt ? firstAt : `${firstAt} to ${lastAt ?? ""}`,
    shown + more,
  ]
    .filter((part) => part !== "")
    .join(" · ");
};

const unitWords = (count: number, unit: string): string =>
  counted(count, unit.replace(/ies$/, "y").replace(/s$/, ""), unit);

const tellAside = async (
  { text, prose }: AnswerSink,
  { skipped, skippedOmitted, stores }: Diagnosis,
): Promise<void> => {
  if (skipped.length + stores.length === 0) return;
  await text();
  for (const { path, reason } of skipped)
    await prose(`not read: ${plain(path)} (${plain(reason)})`);
  if (skippedOmitted > 0) await prose(`and ${skippedOmitted} more that were not read`);
  for (const store of stores) await prose(`a store of taskwal, left to verify: ${plain(store)}`);
};

const tellTotals = async (
  { prose, terminal: { good, bad } }: AnswerSink,
  { newestSnapshot, onlyInOlder, onlyInOlderCount, otherFiles }: Diagnosis,
  { files, filesWell, bytes, readable, found, exitCode }: DoctorTotals,
): Promise<void> => {
  const well = files === 0 ? bad("no file that it knows") : `${filesWell} of them well`;
  await prose(`${counted(files, "file")}, ${sizeWords(bytes)} read: ${well}`);
  if (otherFiles > 0) await prose(`${counted(otherFiles, "file")} of other kinds, not looked into`);
  if (newestSnapshot) {
    const { file, tasks, savedAt } = newestSnapshot;
    const saved = savedAt === undefined ? "" : `, saved ${savedAt}`;
    await prose(
      `the newest snapshot that has its tasks: ${plain(file)}, ${counted(tasks, "task")}${saved}`,
    );
  }
  if (onlyInOlderCount > 0)
    await prose(`${counted(onlyInOlderCount, "task")} in older backups only, deleted or lost:`);
  for (const { id, copyIn } of onlyInOlder) await prose(`  ${plain(id)} in ${plain(copyIn)}`);
  for (const { program, unit, count } of readable)
    await prose(
      `readable${program === undefined ? "" : ` of ${program}`}: ${unitWords(count, unit)}`,
    );
  const counts = Object.entries(found).map(([kind, count]) => `${count} ${kind}`);
  if (counts.length > 0) await prose(bad(`found: ${counts.join(", ")}`));
  else if (exitCode === exitCodes.fine) await prose(good("all is well"));
};

const tellNext = async (
  { text, prose }: AnswerSink,
  dir: string,
  { layout }: Diagnosis,
): Promise<void> => {
  await text();
  await prose("Copy the directory before its program runs again: it may write over what is left.");
  if (layout === "systemprompt")
    await prose(
      `"taskwal import ${plain(dir)} --into NEW" brings what can be read into a store of its own; the originals stay.`,
    );
};
