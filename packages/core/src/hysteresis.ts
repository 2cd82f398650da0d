/**
 * When a condition that comes and goes is told: once when it begins, and not again before it was really over.
 *
 *     free  ──────┐  told          not told          ┌── a quarter above the mark: over
 *     mark  ······└──╮··╭─╮·····╭──╮·················╯
 *                    ╰──╯ ╰─────╯  ╰── …
 *
 * The rule: what begins below one mark ends above a higher one; a want of so many bytes ends when so many bytes were had.
 */

/** An amount is well again only this many times above the mark below which it was low. */
const overFactor = 1.25;

/** An amount that must not fall below a mark. */
export class LowMark {
  #isLow = false;

  get isLow(): boolean {
    return this.#isLow;
  }

  /** True if it has become low just now. */
  update(amount: number, mark: number): boolean {
    const wasLow = this.#isLow;
    this.#isLow = amount < (wasLow ? mark * overFactor : mark);
    return this.#isLow && !wasLow;
  }
}

/** A want that several parts can have at a time; it is over when none has it any more. */
export class Want<Part> {
  /** By part: how many bytes must still be had. */
  readonly #missing = new Map<Part, number>();

  get isOn(): boolean {
    return this.#missing.size > 0;
  }

  /** True if it has begun just now. What is wanted besides makes it no smaller. */
  begin(part: Part, bytes: number): boolean {
    const wasOn = this.isOn;
    this.#missing.set(part, Math.max(bytes, this.#missing.get(part) ?? 0));
    return !wasOn;
  }

  /** The part had so many bytes; Infinity for whatever it wanted. */
  had(part: Part, bytes: number): void {
    const missing = this.#missing.get(part);
    if (missing === undefined) return;
    if (bytes >= missing) this.#missing.delete(part);
    else this.#missing.set(part, missing - bytes);
  }

  /** Nobody wants any more. */
  end(): void {
    this.#missing.clear();
  }
}
