/**
 * Where bytes stop being UTF-8, as a file's chunks come by.
 *
 *     chunk ─ what the last one ended in the middle of, and this ─ whole characters only ─ the first bad byte
 *
 * Why: JSON.parse takes such a file, and its program shows U+FFFD where letters were.
 *
 * The rule: only the first place is looked for; nothing is held but a character that is cut by a chunk's end.
 */
import { isUtf8 } from "node:buffer";

export class Utf8Check {
  /** The first byte that belongs to no character. */
  firstBad: number | undefined = undefined;
  private cut = Buffer.alloc(0);

  add(bytes: Buffer, startBytes: number): void {
    if (this.firstBad !== undefined) return;
    const from = startBytes - this.cut.length;
    const joined = this.cut.length > 0 ? Buffer.concat([this.cut, bytes]) : bytes;
    const whole = joined.length - cutCharacterBytes(joined);
    const bad = firstNotUtf8(joined.subarray(0, whole));
    if (bad === undefined) this.cut = Buffer.from(joined.subarray(whole));
    else this.firstBad = from + bad;
  }

  /** No more bytes come. `endBytes`: where they ended. */
  end(endBytes: number): void {
    if (this.cut.length > 0) this.firstBad ??= endBytes - this.cut.length;
  }
}

/** Where the first byte is that belongs to no character; undefined if all do. */
export const firstNotUtf8 = (bytes: Buffer): number | undefined => {
  if (isUtf8(bytes)) return undefined;
  let good = 0;
  let bad = bytes.length;
  // The longest beginning that is UTF-8: it ends at a whole character, so what is asked ends at one, too.
  while (bad - good > 4) {
    const middle = good + ((bad - good) >> 1);
    const end = middle - cutCharacterBytes(bytes.subarray(good, middle));
    if (end > good && isUtf8(bytes.subarray(good, end))) good = end;
    else bad = middle;
  }
  for (let size = 1; size <= 4 && good + size <= bytes.length; size += 1) {
    if (!isUtf8(bytes.subarray(good, good + size))) continue;
    good += size;
    size = 0;
  }
  return good;
};

/** How many bytes at the end are the beginning of a character that needs more. */
const cutCharacterBytes = (bytes: Uint8Array): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0x80 && byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
};
