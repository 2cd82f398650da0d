/**
 * The files of a state directory that no record stands behind: logs of sessions, reports.
 *
 *     call, call, call ─ one after the other per file ─> disk          close() waits for all of them
 *
 * The rule: only whoever owns the directory writes them, so they end with the store.
 */
import { diskErrors, type Redact } from "@taskwal/core";
import type { Directory, Disk } from "@taskwal/disk";
import { ClosedError, InvalidMutationError } from "@taskwal/errors";
import { limits } from "@taskwal/format";
import { reportBytes, reportName, writeReport } from "./report-file.ts";
import { appendSessionLog, sessionLogName, sessionLogText } from "./session-log.ts";

export interface SideFilesOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly redact: Redact | undefined;
  /** Why nothing may be written, from the beginning. */
  readonly closed: ClosedError | undefined;
}

export class SideFiles {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #redact: Redact | undefined;
  /** The last call of each file. */
  readonly #last = new Map<string, Promise<void>>();
  #directory: Promise<Directory> | undefined;
  #closed: ClosedError | undefined;

  constructor({ disk, dir, redact, closed }: SideFilesOptions) {
    this.#disk = disk;
    this.#dir = dir;
    this.#redact = redact;
    this.#closed = closed;
  }

  async appendSessionLog(sessionId: string, content: string): Promise<void> {
    this.#assertTakes(sessionId);
    const text = sessionLogText(sessionId, content, this.#redact);
    await this.#next(sessionLogName(sessionId), (directory) =>
      appendSessionLog(directory, sessionId, text),
    );
  }

  /** Resolves with the report's path. */
  async writeReport(reportId: string, data: unknown): Promise<string> {
    this.#assertTakes(reportId);
    const bytes = reportBytes(reportId, data, this.#redact);
    await this.#next(reportName(reportId), (directory) => writeReport(directory, reportId, bytes));
    return `${this.#dir}/${reportName(reportId)}`;
  }

  /** Takes no more calls and waits for those under way. */
  async close(): Promise<void> {
    this.#closed ??= new ClosedError();
    await Promise.all([...this.#last.values()].map((call) => call.catch(() => {})));
    await (await this.#directory?.catch(() => undefined))?.close();
    this.#directory = undefined;
  }

  #assertTakes(id: unknown): void {
    if (this.#closed) throw this.#closed;
    assertId(id);
  }

  /** Runs `work` once all earlier calls of the same file have ended. */
  async #next(name: string, work: (directory: Directory) => Promise<void>): Promise<void> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const path = `${this.#dir}/${name}`;
    const call = before
      .catch(() => {})
      .then(() => diskErrors("write", path, async () => work(await this.#open())));
    this.#last.set(name, call);
    try {
      await call;
    } finally {
      if (this.#last.get(name) === call) this.#last.delete(name);
    }
  }

  #open(): Promise<Directory> {
    this.#directory ??= this.#disk.openDirectory(this.#dir).catch((error: unknown) => {
      this.#directory = undefined;
      throw error;
    });
    return this.#directory;
  }
}

const assertId = (id: unknown): void => {
  if (typeof id === "string" && id !== "" && Buffer.byteLength(id) <= limits.idBytesMax) return;
  const reason = `an id is a text of 1 to ${limits.idBytesMax} bytes`;
  throw new InvalidMutationError({ reason, ...(typeof id === "string" ? { id } : {}) });
};
