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
import { isoOf, timeMs } from "./file-time.ts";
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

  /** Anything that is no time is passed over. */
  time(value: unknown): void {
    const ms = timeMs(value);
    if (ms === undefined) return;
    this.firstMs = Math.min(this.firstMs, ms);
    this.lastMs = Math.max(this.lastMs, ms);
  }

  find(kind: Finding["kind"], reason: string, where: Partial<Finding> = {}): void {
    this.found[kind] = (this.found[kind] ?? 0) + 1;
    if (this.findings.length < findingsPerFileMax)
      this.findings.push({ kind, file: this.file, reason, ...where });
  }

  /** Nothing was found yet. */
  get isClean(): boolean {
    return this.findings.length === 0;
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
        firstAt: isoOf(this.firstMs),
        lastAt: isoOf(this.lastMs),
      }),
      idCount,
      ids,
      findings,
      found,
      changing,
    };
  }
}
