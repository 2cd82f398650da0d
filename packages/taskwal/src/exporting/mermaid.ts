/**
 * A state diagram of what was seen: which status followed which, how often or at which records.
 *
 *     [*] --> pending : @2, @3        pending --> in_progress : 71 times, @4 … @900
 *
 * The rule: names are data, so every sign that means something to Mermaid is written as its number; a status that
 * crossed a gap has a note that says so. (https://mermaid.js.org/syntax/stateDiagram.html)
 */
import { cut, plain } from "../reading/plain-text.ts";
import { lineColumns } from "../reading/table.ts";
import { gapWords } from "../reading/words.ts";
import { counted } from "../words.ts";
import { lifeOf, type LifeStep } from "./entity-life.ts";
import { gapsOf, headOf, type ExportSource } from "./export-source.ts";
import { readPlaces, type RecordPlaces } from "./record-places.ts";

export async function* mermaid(source: ExportSource): AsyncGenerator<string> {
  const places = await readPlaces(source);
  const diagram = new Diagram();
  for (const lane of places.lanes) {
    for await (const step of lifeOf(source, lane, places)) diagram.take(step);
    diagram.end();
  }
  const { after, to, trust, redacted } = headOf(source);
  const title = `${subjectWords(places)}, @${after}..@${to}, ${trust}`;
  yield `---\ntitle: "${escaped(title)}"\n---\nstateDiagram-v2\n`;
  if (redacted.length > 0) yield `  %% without ${escaped(redacted.join(", "))}\n`;
  for (const gap of gapsOf(source.provenance, after)) yield `  %% ${escaped(gapWords(gap))}\n`;
  yield* diagram.lines();
}

const subjectWords = ({ lanes }: RecordPlaces): string => {
  const [lane] = lanes;
  if (!lane) return "no entity";
  if (lanes.length > 1) return counted(lanes.length, "entity", "entities");
  return `${lane.ref.entity} ${lane.ref.id}`;
};

/** More than these nobody can tell apart in a picture: what comes behind them is one state, "…". */
const statusesMax = 60;
/** So many records, or gaps, are named one by one. */
const namedMax = 3;

/** What happened at some records: how often, at the first and the last of them, and at which if they are few. */
interface Times {
  readonly named: number[];
  count: number;
  first: number;
  last: number;
}

class Diagram {
  /** With the records at which one passed over to another; "[*]" is "not there". */
  readonly #edges = new Map<string, Times>();
  readonly #statuses = new Map<string, { readonly node: string; readonly gaps: Set<string> }>();
  #status = none;
  /** The record that ended the last stay. */
  #left: number | undefined;

  take(step: LifeStep): void {
    if (step.kind === "enter") {
      if (step.sequence !== this.#left) this.end();
      this.#passOver(step.status, step.sequence);
      this.#left = undefined;
    } else if (step.kind === "leave") {
      this.#left = step.sequence;
      const { gaps } = this.#statusOf(this.#status);
      for (const gap of step.gaps) if (gaps.size <= namedMax) gaps.add(gapWords(gap));
    }
  }

  /** No more of this entity. */
  end(): void {
    if (this.#left !== undefined) this.#passOver(none, this.#left);
    this.#left = undefined;
    this.#status = none;
  }

  *lines(): Generator<string> {
    for (const [status, { node }] of this.#statuses)
      yield `  state "${escaped(status)}" as ${node}\n`;
    for (const [edge, times] of this.#edges) yield `  ${edge} : ${timesWords(times)}\n`;
    for (const { node, gaps } of this.#statuses.values()) {
      if (gaps.size === 0) continue;
      const named = [...gaps].slice(0, namedMax).map(escaped);
      const more = gaps.size > namedMax ? ["and more"] : [];
      yield `  note right of ${node}\n    ${[...named, ...more].join("<br/>")}\n  end note\n`;
    }
  }

  #passOver(to: string, sequence: number): void {
    const edge = `${this.#nodeOf(this.#status)} --> ${this.#nodeOf(to)}`;
    const times = this.#edges.get(edge) ?? { named: [], count: 0, first: sequence, last: sequence };
    if (times.named.length < namedMax) times.named.push(sequence);
    times.count += 1;
    times.first = Math.min(times.first, sequence);
    times.last = Math.max(times.last, sequence);
    this.#edges.set(edge, times);
    this.#status = to;
  }

  #nodeOf(status: string): string {
    return status === none ? "[*]" : this.#statusOf(status).node;
  }

  #statusOf(status: string): { readonly node: string; readonly gaps: Set<string> } {
    const name = this.#statuses.has(status) || this.#statuses.size < statusesMax ? status : "…";
    const known = this.#statuses.get(name);
    if (known) return known;
    const made = { node: `s${this.#statuses.size}`, gaps: new Set<string>() };
    this.#statuses.set(name, made);
    return made;
  }
}

const none = "";

const timesWords = ({ named, count, first, last }: Times): string =>
  count > namedMax
    ? `${count} times, @${first} … @${last}`
    : named
        .toSorted((one, other) => one - other)
        .map((sequence) => `@${sequence}`)
        .join(", ");

/** Letters, digits and what stands in times and paths; all else as its number. At most so much as one can read. */
const escaped = (text: string): string =>
  cut(plain(text), lineColumns).replaceAll(
    /[^\p{L}\p{N} _.,:@/…-]/gu,
    (sign) => `#${sign.codePointAt(0) ?? 0};`,
  );
