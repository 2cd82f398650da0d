/**
 * `taskwal diff A..B`: what the records A+1 to B made of the state, field by field, and which record last did.
 *
 *     diff 12..20            two points of one log
 *     diff --against DIR     the same of two directories: A is a point of the one, B of the other
 */
import {
  differingEntities,
  type DifferingEntity,
  type EntityRef,
  type FieldChange,
  type Provenance,
} from "@taskwal/replay";
import { exitCodes } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";
import { counted } from "../words.ts";
import { changeLine, hidden } from "./change-lines.ts";
import { plain } from "./plain-text.ts";
import type { Asked, Question } from "./question.ts";
import { provenanceWords } from "./words.ts";

export interface DiffFlags {
  readonly range: string | undefined;
  /** An entity's kind, or an id. */
  readonly only: string | undefined;
  /** Another directory. */
  readonly against: string | undefined;
}

/** Exit code 1 if anything differs, as diff(1) has it. */
export const runDiff = async (question: Question, flags: DiffFlags): Promise<number> => {
  const { range, only, against } = flags;
  if (range === undefined && against === undefined)
    throw new UsageError("diff needs two points, as in 12..20, or --against <dir>");
  const ends = endsOf(range ?? "..");
  const difference =
    against === undefined
      ? await ofPoints(question, ends)
      : await question.beside(against, (other) => ofDirectories(question, ends, other));
  const entities = difference.entities.filter(({ ref }) => isMeant(ref, only));
  await tell(question, { ...difference, entities }, against);
  return entities.length > 0 ? exitCodes.difference : exitCodes.fine;
};

interface Difference {
  readonly a: Provenance;
  readonly b: Provenance;
  readonly entities: readonly {
    readonly ref: EntityRef;
    readonly changes: readonly (FieldChange & Setter)[];
  }[];
}

/** Of two directories nothing says that one came from the other, so no record is named. */
type Setter = { readonly sequence?: number; readonly type?: string };

/** "" is the end that was left out. */
type Ends = readonly [from: string, to: string];

const endsOf = (range: string): Ends => {
  const [from, to, more] = range.split("..");
  if (from === undefined || to === undefined || more !== undefined)
    throw new UsageError(
      `"${range}" is no range: it needs two points, as in 12..20, or --against <dir>`,
    );
  return [from, to];
};

const ofPoints = async ({ offline, at }: Question, [from, to]: Ends): Promise<Difference> =>
  offline.diff(
    await offline.point(from || "@first"),
    to === "" ? await at() : await offline.point(to),
  );

const ofDirectories = async (
  { offline, model, at }: Question,
  [from, to]: Ends,
  other: Asked,
): Promise<Difference> => {
  const a = await offline.stateAt(from === "" ? await at() : await offline.point(from));
  const b = await other.offline.stateAt(
    to === "" ? await other.at() : await other.offline.point(to),
  );
  const entities: DifferingEntity[] = [];
  for await (const one of differingEntities(model, a, b)) entities.push(one);
  return { a: a.provenance, b: b.provenance, entities };
};

const isMeant = ({ entity, id }: EntityRef, only: string | undefined): boolean =>
  only === undefined || entity === only || id.startsWith(only) || `${entity}.${id}` === only;

const tell = async (
  { dir, sink, redaction }: Question,
  { a, b, entities }: Difference,
  against: string | undefined,
): Promise<void> => {
  await sink.json("diff", {
    a,
    b,
    ...(against !== undefined && { directories: [dir, against] }),
    entities: entities.map(({ ref, changes }) => ({
      ...ref,
      changes: changes.map((change) => hidden(ref, change, redaction)),
    })),
  });
  const [ofA, ofB] =
    against === undefined ? ["", ""] : [`${plain(dir)} · `, `${plain(against)} · `];
  await sink.prose(`a  ${ofA}${provenanceWords(a)}`);
  await sink.prose(`b  ${ofB}${provenanceWords(b)}`);
  let fields = 0;
  for (const { ref, changes } of entities) {
    for (const change of changes) {
      fields += 1;
      const after =
        change.sequence === undefined ? "" : `@${change.sequence} ${plain(change.type ?? "")}`;
      if (!(await sink.text(changeLine(ref, change, redaction, { after })))) break;
    }
  }
  const changed = against === undefined ? "changed" : entities.length === 1 ? "differs" : "differ";
  await sink.text(
    `${counted(entities.length, "entity", "entities")} ${changed}, ${counted(fields, "field")}`,
  );
};
