/** `taskwal diff A..B`: what the records A+1 to B made of the state, field by field, and which record last did. */
import { exitCodes } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";
import { counted } from "../words.ts";
import { changeLine, hidden } from "./change-lines.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { provenanceWords } from "./words.ts";

/** `only`: an entity's kind, or an id. Exit code 1 if anything differs, as diff(1) has it. */
export const runDiff = async (
  { offline, sink, redaction }: Question,
  range: string,
  only: string | undefined,
): Promise<number> => {
  const [from, to, more] = range.split("..");
  if (from === undefined || to === undefined || more !== undefined)
    throw new UsageError(`"${range}" is no range: it needs two points, as in 12..20`);
  const { a, b, entities } = await offline.diff(
    await offline.point(from || "@first"),
    await offline.point(to || "@last"),
  );
  const differing = entities.filter(
    ({ ref }) =>
      only === undefined ||
      ref.entity === only ||
      ref.id.startsWith(only) ||
      `${ref.entity}.${ref.id}` === only,
  );
  await sink.json("diff", {
    a,
    b,
    entities: differing.map(({ ref, changes }) => ({
      ...ref,
      changes: changes.map((change) => hidden(ref, change, redaction)),
    })),
  });
  await sink.prose(`a  ${provenanceWords(a)}`);
  await sink.prose(`b  ${provenanceWords(b)}`);
  let fields = 0;
  for (const { ref, changes } of differing) {
    for (const change of changes) {
      fields += 1;
      const after = `@${change.sequence} ${plain(change.type)}`;
      if (!(await sink.text(changeLine(ref, change, redaction, { after })))) break;
    }
  }
  await sink.text(
    `${counted(differing.length, "entity", "entities")} changed, ${counted(fields, "field")}`,
  );
  return differing.length > 0 ? exitCodes.difference : exitCodes.fine;
};
