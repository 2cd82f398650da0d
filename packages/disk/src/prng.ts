/**
 * Repeatable randomness for simulations (mulberry32): the same seed gives the same numbers on every
 * machine, and the whole state is one integer, so that a simulation can be forked.
 *
 * The rule: never for ids or secrets of a real store.
 */

const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  return hash >>> 0;
};

export class Prng {
  /** All there is to know: assign it to go back to an earlier point. */
  state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** 0 to `limit` - 1; 0 if `limit` is 0. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at += 1) bytes[at] = this.next() & 0xff;
    return bytes;
  }

  /** An independent stream: drawing from it does not move this one. */
  stream(label: string): Prng {
    return new Prng(this.state ^ hashOf(label));
  }
}
