/**
 * One directory of another program, looked through once.
 *
 *     whose? ─ files, in order ─ each by what it is ─ what they say of each other ─> a diagnosis
 *               (walk.ts)         json, jsonl, log     (systemprompt-, cline-layout.ts)
 *
 * The rule: it reads, and nothing else; whatever the bytes, it ends in a diagnosis; what is held grows with the
 * number of files and ids, both bounded, never with their size.
 */
import type { Directory, Disk } from "@taskwal/disk";
import { classifyDirectory } from "@taskwal/tasks";
import { ClineLayout } from "./cline-layout.ts";
import { idsShownMax, type FileReport, type Finding } from "./finding.ts";
import { leftoverKey, leftoverOf } from "./leftover.ts";
import { workByName, type Work } from "./file-work.ts";
import { Source } from "./source.ts";
import { SystempromptLayout, type WholeSnapshot } from "./systemprompt-layout.ts";
import { Tally } from "./tally.ts";
import { walk, whyNot, type FoundFile, type Skipped } from "./walk.ts";

export interface Diagnosis {
  /** `taskwal`: a store of ours, which nothing was read of. */
  readonly layout: "systemprompt" | "taskwal" | "files";
  /** In the order of their names. At most `filesMax`. */
  readonly files: readonly FileReport[];
  /** What several files say of each other. At most `findingsMax`. */
  readonly findings: readonly Finding[];
  readonly findingsOmitted: number;
  /** Not looked into, and why. At most `skippedMax`. */
  readonly skipped: readonly Skipped[];
  readonly skippedOmitted: number;
  /** Folders below that are stores of ours. */
  readonly stores: readonly string[];
  /** Files that are neither JSON nor JSONL nor a log. */
  readonly otherFiles: number;
  /** Of the systemprompt layout: the newest snapshot that has all its tasks. */
  readonly newestSnapshot?: WholeSnapshot;
  /** Of the systemprompt layout: tasks that only older snapshots have, which were deleted or lost. The first of them. */
  readonly onlyInOlder: readonly { readonly id: string; readonly copyIn: string }[];
  readonly onlyInOlderCount: number;
}

export interface DiagnoseOptions {
  readonly onProgress?: (files: number, bytes: number) => void;
}

export const filesMax = 20_000;
export const findingsMax = 1_000;
export const skippedMax = 100;

/** Errors of the disk about the directory itself pass through; about what is in it, they are findings. */
export const diagnose = async (
  disk: Disk,
  path: string,
  { onProgress }: DiagnoseOptions = {},
): Promise<Diagnosis> => {
  const root = await disk.openDirectory(path);
  try {
    const kind = await classifyDirectory(root);
    const layout = kind === "legacy" ? "systemprompt" : kind === "taskwal" ? kind : "files";
    const run = new Run(layout, onProgress ?? (() => {}));
    if (layout !== "taskwal") await run.readAll(disk, root);
    return run.diagnosis();
  } finally {
    await root.close();
  }
};

class Run {
  private readonly layout: Diagnosis["layout"];
  private readonly onProgress: (files: number, bytes: number) => void;
  private readonly systemprompt = new SystempromptLayout();
  private readonly cline = new ClineLayout();
  private readonly files: FileReport[] = [];
  private readonly findings: Finding[] = [];
  private findingsOmitted = 0;
  private readonly skipped: Skipped[] = [];
  private skippedOmitted = 0;
  private readonly stores: string[] = [];
  /** By the file that it is named after: a copy, or what should have replaced it. */
  private readonly wholeCopies = new Map<string, string>();
  private otherFiles = 0;
  private bytesRead = 0;

  constructor(layout: Diagnosis["layout"], onProgress: (files: number, bytes: number) => void) {
    this.layout = layout;
    this.onProgress = onProgress;
  }

  async readAll(disk: Disk, root: Directory): Promise<void> {
    if (this.layout === "systemprompt") await this.readSnapshots(root);
    const events = {
      skipped: (entry: Skipped) => this.skip(entry),
      store: (path: string) => void (this.stores.length < skippedMax && this.stores.push(path)),
    };
    let beyond: { readonly path: string; count: number } | undefined;
    for await (const found of walk(disk, root, events)) {
      if (this.roleOf(found.path) === "snapshot") continue;
      if (this.layout === "systemprompt") this.systemprompt.note(found.path);
      this.cline.note(found.path);
      if (this.files.length < filesMax) await this.read(found);
      else if (beyond) beyond.count += 1;
      else beyond = { path: found.path, count: 1 };
    }
    if (beyond) {
      const reason = `over ${filesMax} files: not looked into, from it on ${beyond.count} of them`;
      this.skip({ path: beyond.path, reason, isRefusal: true });
    }
    const across = [...this.systemprompt.missing(), ...this.cline.findings()];
    this.findings.push(...across.slice(0, findingsMax));
    this.findingsOmitted = across.length - this.findings.length;
  }

  diagnosis(): Diagnosis {
    const { layout, files, findings, findingsOmitted, skipped, skippedOmitted } = this;
    const { stores, otherFiles, systemprompt } = this;
    const { newest } = systemprompt;
    const onlyInOlder = systemprompt.onlyInOlder();
    return {
      layout,
      files: files.map((report) => this.withCopies(report)).sort(byFile),
      findings,
      findingsOmitted,
      skipped,
      skippedOmitted,
      stores,
      otherFiles,
      ...(newest && { newestSnapshot: newest }),
      onlyInOlder: onlyInOlder.slice(0, idsShownMax),
      onlyInOlderCount: onlyInOlder.length,
    };
  }

  /** Before the task files, and from the newest: what they have of a task is asked of them later. */
  private async readSnapshots(root: Directory): Promise<void> {
    const names = (await root.list(".")).filter((name) => this.roleOf(name) === "snapshot");
    for (const name of names.sort((a, b) => SystempromptLayout.order(a, b)).slice(0, filesMax)) {
      if ((await root.stat(name))?.kind !== "file")
        this.skip({ path: name, reason: "it is not a file", isRefusal: false });
      else await this.read({ directory: root, name, path: name });
    }
  }

  private roleOf(path: string): "task" | "snapshot" | undefined {
    return this.layout === "systemprompt" ? SystempromptLayout.roleOf(path) : undefined;
  }

  private async read({ directory, name, path }: FoundFile): Promise<void> {
    const work = this.workFor(path);
    if (work === undefined) {
      this.otherFiles += 1;
      return;
    }
    const tally = new Tally(path, work.unit);
    if (this.roleOf(path) !== undefined) tally.program = "systemprompt";
    let source: Source | undefined;
    let changing = false;
    try {
      source = await Source.open(directory, name, path, (count) => this.progress(count));
      await work.read(source, tally);
      changing = await source.hasChanged();
    } catch (error) {
      tally.find("unreadable", whyNot(error));
    } finally {
      await source?.close();
    }
    const report = tally.report(source ?? { path, sizeBytes: 0 }, changing);
    this.files.push(report);
    const leftover = leftoverOf(path);
    if (leftover && report.count > 0 && !report.findings.some(({ kind }) => broken.has(kind)))
      this.wholeCopies.set(leftoverKey(leftover.of), path);
    this.progress(0);
  }

  private workFor(path: string): Work | undefined {
    const role = this.roleOf(path);
    const { systemprompt, cline } = this;
    if (role === "snapshot")
      return { unit: "tasks", read: (source, tally) => systemprompt.readSnapshot(source, tally) };
    if (role === "task")
      return { unit: "log entries", read: (source, tally) => systemprompt.readTask(source, tally) };
    if (ClineLayout.isPart(path))
      return { unit: "messages", read: (source, tally) => cline.read(source, tally) };
    return workByName(path);
  }

  private withCopies(report: FileReport): FileReport {
    const findings = report.findings.map((finding) => {
      if (!broken.has(finding.kind)) return finding;
      const copyIn =
        this.systemprompt.copyOf(finding) ?? this.wholeCopies.get(leftoverKey(finding.file));
      return copyIn === undefined ? finding : { ...finding, copyIn };
    });
    return { ...report, findings };
  }

  private progress(count: number): void {
    this.bytesRead += count;
    this.onProgress(this.files.length, this.bytesRead);
  }

  private skip(entry: Skipped): void {
    // A refusal makes an answer that is not whole: it must not drown among links.
    const isFull = this.skipped.length >= skippedMax;
    if (isFull) this.skippedOmitted += 1;
    if (!isFull) this.skipped.push(entry);
    else if (entry.isRefusal) this.skipped[skippedMax - 1] = entry;
  }
}

const broken = new Set<Finding["kind"]>(["torn", "glued", "zeroed", "garbled", "unreadable"]);

const byFile = (a: FileReport, b: FileReport): number => (a.file < b.file ? -1 : 1);
