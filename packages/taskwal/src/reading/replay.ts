/** `taskwal replay --model FILE`: what another model makes of the same log; only reducers run. */
import { exitCodes } from "../exit-codes.ts";
import { loadModel } from "../model-file.ts";
import { UsageError } from "../usage-error.ts";
import { counted } from "../words.ts";
import { changeLine, hidden } from "./change-lines.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { provenanceWords } from "./words.ts";

/** Exit code 5 if anything differs. */
export const runReplay = async (
  { dir, offline, sink, redaction }: Question,
  file: string | undefined,
): Promise<number> => {
  if (file === undefined) throw new UsageError("replay needs --model <file>");
  const { provenance, records, first, differing, entities, failed } = await offline.whatIf(
    await loadModel(file, dir),
  );
  await sink.json("replay", {
    provenance,
    records,
    differing,
    ...(first && {
      first: { ...first, changes: first.changes.map((each) => hidden(first, each, redaction)) },
    }),
    entities: entities.map(({ ref, changes }) => ({
      ...ref,
      changes: changes.map((change) => hidden(ref, change, redaction)),
    })),
    ...(failed && { failed }),
  });
  await sink.prose(provenanceWords(provenance));
  if (failed) await sink.text(`the model stops at @${failed.sequence}: ${plain(failed.message)}`);
  if (!first && !failed) {
    await sink.text(`${counted(records, "record")}: the same state after each`);
    return exitCodes.fine;
  }
  if (first) {
    await sink.text(
      `the first difference is after @${first.sequence} ${plain(first.type)}  (recorded → this model)`,
    );
    for (const change of first.changes)
      await sink.text(changeLine(first, change, redaction, { indent: "  " }));
    await sink.text(`in all ${counted(differing, "record")} leave another state; at the end:`);
    for (const { ref, changes } of entities)
      for (const change of changes)
        await sink.text(changeLine(ref, change, redaction, { indent: "  " }));
  }
  return exitCodes.divergence;
};
