/**
 * The files of a state directory that no record stands behind: logs of sessions, reports.
 *
 *     call, call, call ─ one after the other per file ─> disk          close() waits for all of them
 *
 * The rule: only whoever owns the directory writes them, so they end with the store.
 */
import { diskErrors } from "@taskwal/core";
import type { Directory, Disk } from "@taskwal/disk";
import { ClosedError, InvalidMutationError } from "@taskwal/errors";
import { limits } from "@taskwal/format";
import { reportName, writeReport } from "./report-file.ts";
import { appendSessionLog, sessionLogName } from "./session-log.ts";

export class SideFiles {
  readonly #disk: Disk;
  readonly #dir: string;
  /** The last call of each file. */
  readonly #last = new Map<string, Promise<void>>();
  #directory: Promise<Directory> | undefined;
  #closed: ClosedError | undefined;

  /** `closed` is why nothing may be written, from the beginning. */
  constructor(disk: Disk, dir: string, closed?: ClosedError) {
    this.#disk = disk;
    this.#dir = dir;
    this.#closed = closed;
  }

  appendSessionLog(sessionId: string, content: string): Promise<void> {
    return this.#next(sessionId, sessionLogName, (directory) =>
      appendSessionLog(directory, sessionId, content),
    );
  }

  /** Resolves with the report's path. */
  async writeReport(reportId: string, data: unknown): Promise<string> {
    await this.#next(reportId, reportName, (directory) => writeReport(directory, reportId, data));
    return `${this.#dir}/${reportName(reportId)}`;
  }

  /** Takes no more calls and waits for those under way. */
  async close(): Promise<void> {
    this.#closed ??= new ClosedError();
    await Promise.all([...this.#last.values()].map((call) => call.catch(() => {})));
    await (await this.#directory?.catch(() => undefined))?.close();
    this.#directory = undefined;
  }

  /** Runs `work` once all earlier calls of the same file have ended. */
  async #next(
    id: string,
    nameOf: (id: string) => string,
    work: (directory: Directory) => Promise<void>,
  ): Promise<void> {
    if (this.#closed) throw this.#closed;
    assertId(id);
    const name = nameOf(id);
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
