/**
 * What is counted while a file is read: whole entries, ids, times, findings.
 *
 * The rule: it keeps a few of each and the number of all.
 */
import {
  findingsPerFileMax,
  idsShownMax,
  type FileReport,
  type Finding,
  type FindingKind,
  type Program,
} from "./finding.ts";
import type { Source } from "./source.ts";

export class Tally {
  program: Program | undefined = undefined;
  unit: string;
  count = 0;
  idCount = 0;
  readonly ids: string[] = [];
  private readonly findings: Finding[] = [];
  private readonly found: Partial<Record<FindingKind, number>> = {};
  private firstMs = Infinity;
  private lastMs = -Infinity;
  private readonly file: string;

  constructor(file: string, unit: string) {
    this.file = file;
    this.unit = unit;
  }

  id(id: string): void {
    this.idCount += 1;
    if (this.ids.length < idsShownMax) this.ids.push(id);
  }

  /** A time as a file has it: ISO text, or milliseconds since the epoch. Anything else is passed over. */
  time(value: unknown): void {
    const ms = typeof value === "string" && isoTime.test(value) ? Date.parse(value) : value;
    if (typeof ms !== "number" || !(ms >= earliestMs && ms < latestMs)) return;
    this.firstMs = Math.min(this.firstMs, ms);
    this.lastMs = Math.max(this.lastMs, ms);
  }

  find(kind: Finding["kind"], reason: string, where: Partial<Finding> = {}): void {
    this.found[kind] = (this.found[kind] ?? 0) + 1;
    if (this.findings.length < findingsPerFileMax)
      this.findings.push({ kind, file: this.file, reason, ...where });
  }

  report(
    { path: file, sizeBytes }: Pick<Source, "path" | "sizeBytes">,
    changing: boolean,
  ): FileReport {
    const { program, unit, count, idCount, ids, findings, found } = this;
    return {
      file,
      sizeBytes,
      ...(program && { program }),
      unit,
      count,
      ...(this.firstMs <= this.lastMs && {
        firstAt: new Date(this.firstMs).toISOString(),
        lastAt: new Date(this.lastMs).toISOString(),
      }),
      idCount,
      ids,
      findings,
      found,
      changing,
    };
  }
}

const isoTime = /^\d{4}-\d\d-\d\dT/;
/** 2001 to 2286: what lies outside is a counter or a number of seconds, not milliseconds. */
const earliestMs = 1e12;
const latestMs = 1e13;
