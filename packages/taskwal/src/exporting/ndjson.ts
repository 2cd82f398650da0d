/**
 * The base format: what `log --json` prints of the same range, a line that says what it is before it.
 *
 *     {"v":1,"kind":"export",…}  {"v":1,"kind":"record",…}  {"v":1,"kind":"gap",…}  {"v":1,"kind":"end",…}
 *
 * The rule: nothing is lost but what is redacted; without an "end" line the file is not whole.
 */
import { shapesVersion } from "../reading/answer-sink.ts";
import { recordShape } from "../reading/log.ts";
import { plainJson } from "../reading/plain-text.ts";
import { headOf, wantedRecords, type ExportSource } from "./export-source.ts";

export async function* ndjson(source: ExportSource): AsyncGenerator<string> {
  yield line({ kind: "export", ...headOf(source) });
  for await (const step of wantedRecords(source))
    yield line(step.kind === "gap" ? step : recordShape(step, source.redaction));
  const { after, to, told, provenance } = source;
  yield line({ kind: "end", provenance, after, to, ...told });
}

const line = (body: object): string => `${plainJson({ v: shapesVersion, ...body })}\n`;
