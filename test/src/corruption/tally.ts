/** Counts how damage went, and prints it as a table: file × verdict. */

/** For people who read the run: figures are printed, only verdicts are asserted. */
export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export class Tally {
  readonly #rows = new Map<string, Map<string, number>>();

  add(file: string, verdict: string): void {
    const row = this.#rows.get(file) ?? new Map<string, number>();
    row.set(verdict, (row.get(verdict) ?? 0) + 1);
    this.#rows.set(file, row);
  }

  /** Over all files, or those whose name matches. */
  count(verdict: string, files: RegExp = /./): number {
    const rows = [...this.#rows].filter(([file]) => files.test(file));
    return rows.reduce((sum, [, row]) => sum + (row.get(verdict) ?? 0), 0);
  }

  get total(): number {
    return [...this.#rows.values()]
      .flatMap((row) => [...row.values()])
      .reduce((sum, count) => sum + count, 0);
  }

  print(title: string): void {
    const verdicts = [
      ...new Set([...this.#rows.values()].flatMap((row) => [...row.keys()])),
    ].toSorted();
    const lines = [["", ...verdicts]];
    for (const [file, row] of this.#rows)
      lines.push([shortName(file), ...verdicts.map((one) => String(row.get(one) ?? 0))]);
    lines.push([`${this.total} in all`, ...verdicts.map((one) => String(this.count(one)))]);
    const widths = ["", ...verdicts].map((_, at) =>
      Math.max(...lines.map((line) => line[at]?.length ?? 0)),
    );
    const text = lines.map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    );
    print(`${title}\n${text.join("\n")}`);
  }
}

/** "wal/…0014-…01.jsonl": leading zeros tell nothing here. */
const shortName = (file: string): string =>
  file.replace(/\/0{16}(\d{4})-0{6}/, "/…$1-…").replace(/(?<=backup\.)\S*Z/, "…");
