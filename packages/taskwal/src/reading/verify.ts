/** `taskwal verify`: every file and every line; what is not as it should be, what it means, what an opening would do. */
import { exitCodes } from "../exit-codes.ts";
import { counted, sizeWords } from "../words.ts";
import type { Finding } from "@taskwal/replay";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { provenanceWords, refWords } from "./words.ts";

/** The exit code is the worst that was found. */
export const runVerify = async ({ offline, sink }: Question): Promise<number> => {
  const report = await offline.verify();
  const { findings, ...rest } = report;
  for (const finding of findings) await sink.json("finding", finding);
  await sink.json("verify", rest);
  for (const finding of findings) {
    await sink.text(
      `${sink.terminal[finding.level === "error" ? "bad" : "dim"](finding.level)}  ${place(finding)}`,
    );
    await sink.prose(`  ${plain(finding.message)}`);
    const what = finding.check === "divergence" ? "is the first of them" : "may lack what was lost";
    for (const ref of finding.entities ?? []) await sink.text(`  ${refWords(ref)} ${what}`);
  }
  const { good, bad } = sink.terminal;
  await sink.text(
    `${counted(report.files, "file")}, ${counted(report.records, "record")}, ${sizeWords(report.bytes)} read: ` +
      (report.exitCode !== exitCodes.fine
        ? bad("not all is well")
        : findings.some(({ level }) => level === "warning")
          ? "well, but for the warnings"
          : good("all is well")),
  );
  await sink.prose(`An opening would: ${plain(report.opening)}`);
  await sink.prose(provenanceWords(report.provenance));
  return report.exitCode;
};

const place = ({ check, file, offset, sequences }: Finding): string =>
  [
    plain(check),
    plain(file),
    offset === undefined ? "" : `at byte ${offset}`,
    sequences ? `@${sequences[0]}…@${sequences[1]}` : "",
  ]
    .filter((part) => part !== "")
    .join("  ");
