/** Words as numbers, in the order in which they were first met. */
export class Names {
  readonly #ordinals: Map<string, number>;
  readonly list: string[];

  constructor(list: readonly string[] = []) {
    this.list = [...list];
    this.#ordinals = new Map(list.map((name, ordinal) => [name, ordinal]));
  }

  /** The number of a word; a new one gets the next. */
  ordinal(name: string): number {
    const known = this.#ordinals.get(name);
    if (known !== undefined) return known;
    this.#ordinals.set(name, this.list.length);
    this.list.push(name);
    return this.list.length - 1;
  }

  find(name: string): number | undefined {
    return this.#ordinals.get(name);
  }
}
