/**
 * One piece of work after the other, in the order of the calls.
 *
 *     take(a)  take(b)        take(c)
 *     |── a ──|── b ──| free |── c ──| free
 *
 * The rule: work that fails keeps nobody else from their turn.
 */
export class Turns {
  #chain: Promise<void> = Promise.resolve();
  /** Under way or waiting. */
  #count = 0;

  /**
   * Runs `work` once all before it is over, at once if nothing is under way, and `after` behind it whatever it came
   * to. Throws what `work` throws.
   */
  take<T>(work: () => Promise<T>, after: () => void): Promise<T> {
    // At once: a write must be on its way before those who were just told go on with theirs.
    this.#count += 1;
    const turn = this.#count === 1 ? begin(work) : this.#chain.then(work);
    const end = (): void => {
      this.#count -= 1;
      after();
    };
    this.#chain = turn.then(end, end);
    return turn;
  }
}

const begin = async <T>(work: () => Promise<T>): Promise<T> => work();
