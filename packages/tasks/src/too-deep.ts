/**
 * Leaves out of a task the fields that are nested too deep, and only those.
 *
 *     task ── logs ──[i]── metadata ── toolOutput ── [[[[[[[…        this field goes
 *        └─── result ─────────────────── data ────── {"a":{"a":…     this one too
 *
 * The rule: descend only along the structure that a task is known to have; what hangs below it is
 * free-form, and goes as one field, since half of it would be something nobody wrote.
 */

type Path = readonly (string | number)[];

/**
 * Removes from `task`, in place, every field that leads to something too deep (`tooDeep`, as
 * json-salvage marks it), and returns where they were.
 */
export const dropTooDeep = (task: object, tooDeep: ReadonlySet<unknown>): Path[] =>
  drop(task, [], tooDeep);

const drop = (container: object, path: Path, tooDeep: ReadonlySet<unknown>): Path[] => {
  if (!tooDeep.has(container)) return [];
  const dropped: Path[] = [];
  // Backwards, so that removing an entry of the log does not move those still to come.
  for (const [key, part] of Object.entries(container).reverse()) {
    if (!tooDeep.has(part)) continue;
    const place = [...path, Array.isArray(container) ? Number(key) : key];
    if (isContainer(part) && isStructure(place, part)) {
      dropped.push(...drop(part, place, tooDeep));
      continue;
    }
    dropped.push(place);
    if (Array.isArray(container)) container.splice(Number(key), 1);
    else Reflect.deleteProperty(container, key);
  }
  return dropped;
};

const isContainer = (value: unknown): value is object =>
  typeof value === "object" && value !== null;

/** Whether the structure of a task goes on in `part`. At most four levels, so recursion is no danger. */
const isStructure = (place: Path, part: object): boolean => {
  const isList = Array.isArray(part);
  if (place.length === 1) return place[0] === "logs" ? isList : place[0] === "result" && !isList;
  if (place[0] !== "logs" || isList) return false;
  return place.length === 2 || (place.length === 3 && place[2] === "metadata");
};
