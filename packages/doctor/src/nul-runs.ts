/** Runs of NUL bytes: what a crash of the machine leaves where a file had grown and its bytes were not written yet. */

export interface Run {
  readonly startBytes: number;
  readonly endBytes: number;
}

/** The first byte from `from` on that is not NUL; the length if there is none. */
export const skipNul = (bytes: Uint8Array, from: number): number => {
  let at = from;
  while (at < bytes.length && bytes[at] === 0) at += 1;
  return at;
};

/** Whether there is nothing but NUL in it; of a large hole faster than a look at each byte. */
export const isNulOnly = (bytes: Buffer): boolean => {
  for (let at = 0; at < bytes.length; at += nul.length) {
    const part = bytes.subarray(at, at + nul.length);
    if (!part.equals(nul.subarray(0, part.length))) return false;
  }
  return true;
};
const nul = Buffer.alloc(4096);

/** Counts the NUL bytes of a file as its chunks come by, and keeps where the first run is. */
export class NulRuns {
  nulBytes = 0;
  first: Run | undefined = undefined;

  add(bytes: Uint8Array, startBytes: number): void {
    let at = bytes.indexOf(0);
    while (at >= 0) {
      const end = skipNul(bytes, at);
      this.nulBytes += end - at;
      const run = { startBytes: startBytes + at, endBytes: startBytes + end };
      if (this.first === undefined) this.first = run;
      else if (this.first.endBytes === run.startBytes)
        this.first = { ...this.first, endBytes: run.endBytes };
      at = bytes.indexOf(0, end);
    }
  }
}
