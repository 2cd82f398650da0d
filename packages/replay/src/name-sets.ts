/**
 * Lists of words as numbers, in the order in which they were first met: {updated_at, status} is 1, {logs} is 2.
 *
 * The rule: found word by word, since most are met a hundred thousand times and a text of each would cost more than the rest.
 */
export class NameSets {
  readonly list: (readonly string[])[] = [];
  readonly #root: Branch = { ordinal: undefined, branches: new Map() };

  /** The first is the empty one. */
  constructor() {
    this.ordinal([]);
  }

  /** The number of these words, in this order; new ones get the next. */
  ordinal(names: readonly string[]): number {
    let at = this.#root;
    for (const name of names) {
      let branch = at.branches.get(name);
      if (!branch) at.branches.set(name, (branch = { ordinal: undefined, branches: new Map() }));
      at = branch;
    }
    if (at.ordinal === undefined) {
      at.ordinal = this.list.length;
      this.list.push(names);
    }
    return at.ordinal;
  }
}

interface Branch {
  ordinal: number | undefined;
  readonly branches: Map<string, Branch>;
}
