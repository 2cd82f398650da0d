/**
 * What dm-log-writes remembers of a disk: writes, flushes and marks, in the order in which they were done.
 *
 *     │super│entry│data…│entry│data…│mark│entry(flush)│…        all in sectors
 *
 * A state of the disk after a power cut is the prefix up to the last flush, with any of the writes since.
 * The rule: nothing is guessed; what does not parse is an error.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";

const magic = 0x6a736677736872n;
const sectorBytes = 512;
const flags = { flush: 1, fua: 2, discard: 4, mark: 8 } as const;

export interface LoggedWrite {
  readonly startBytes: number;
  readonly sizeBytes: number;
  /** Where its bytes are in the log. */
  readonly logBytes: number;
  /** All writes before it are durable before it is. */
  readonly isFlush: boolean;
  /** Durable at once. */
  readonly isForced: boolean;
  readonly mark: string | undefined;
}

export const readWriteLog = (path: string): LoggedWrite[] => {
  const fd = openSync(path, "r");
  try {
    const head = bytesAt(fd, 0, sectorBytes);
    if (head.readBigUInt64LE(0) !== magic) throw new Error(`${path} is no log of dm-log-writes`);
    const count = Number(head.readBigUInt64LE(16));
    const unit = head.readUInt32LE(24);
    const writes: LoggedWrite[] = [];
    let at = unit;
    for (let index = 0; index < count; index += 1) {
      const entry = bytesAt(fd, at, unit);
      const [sector = 0, sectors = 0, bits = 0, markBytes = 0] = [0, 8, 16, 24].map((offset) =>
        Number(entry.readBigUInt64LE(offset)),
      );
      if (bits > 31) throw new Error(`entry ${index} of ${path} has the flags ${bits}`);
      const hasData = (bits & flags.discard) === 0;
      writes.push({
        startBytes: sector * unit,
        // What a discard leaves is undefined: here what was there.
        sizeBytes: hasData ? sectors * unit : 0,
        logBytes: at + unit,
        isFlush: (bits & flags.flush) !== 0,
        isForced: (bits & flags.fua) !== 0,
        mark: (bits & flags.mark) === 0 ? undefined : entry.toString("latin1", 32, 32 + markBytes),
      });
      at += unit + (hasData ? sectors * unit : 0);
    }
    return writes;
  } finally {
    closeSync(fd);
  }
};

/** Does these writes again, on an image. */
export const replay = (logPath: string, imagePath: string, writes: Iterable<LoggedWrite>): void => {
  const log = openSync(logPath, "r");
  const image = openSync(imagePath, "r+");
  try {
    for (const { startBytes, sizeBytes, logBytes } of writes) {
      if (sizeBytes === 0) continue;
      writeSync(image, bytesAt(log, logBytes, sizeBytes), 0, sizeBytes, startBytes);
    }
  } finally {
    closeSync(image);
    closeSync(log);
  }
};

const bytesAt = (fd: number, start: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size);
  if (readSync(fd, bytes, 0, size, start) !== size)
    throw new Error(`the log ends before ${start + size}`);
  return bytes;
};
