/**
 * Which states were tried, by six bytes of their hash, in this run and, through a file, in earlier ones.
 *
 * The rule: two states that share the six bytes count as one, so a count is never too high. The file is
 * not committed: on another machine counting begins anew.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

const hashBytes = 6;

export class Seen {
  readonly #path: string;
  readonly #known = new Set<number>();
  #unsaved: number[] = [];

  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    const bytes = readFileSync(path);
    for (let at = 0; at + hashBytes <= bytes.length; at += hashBytes)
      this.#known.add(bytes.readUIntBE(at, hashBytes));
  }

  get size(): number {
    return this.#known.size;
  }

  /** Returns whether it is new. */
  add(hash: Uint8Array): boolean {
    const short = Buffer.from(hash).readUIntBE(0, hashBytes);
    if (this.#known.has(short)) return false;
    this.#known.add(short);
    this.#unsaved.push(short);
    return true;
  }

  save(): void {
    const bytes = Buffer.alloc(this.#unsaved.length * hashBytes);
    for (const [index, hash] of this.#unsaved.entries())
      bytes.writeUIntBE(hash, index * hashBytes, hashBytes);
    appendFileSync(this.#path, bytes);
    this.#unsaved = [];
  }
}
