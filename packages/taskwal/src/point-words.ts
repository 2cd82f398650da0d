/**
 * Points as they are written behind an option: `--at -5m` is `--at=-5m`.
 *
 * The rule: cac takes a word that begins with "-" for an option; no option begins with a digit.
 */
const takesPoint = new Set(["--at", "--since", "--from", "--to"]);

/** The words of a command, with such points joined to their option. */
export const joinPoints = (words: readonly string[]): string[] => {
  const joined: string[] = [];
  for (const [index, word] of words.entries()) {
    // Behind it are the words of another program.
    if (word === "--") return [...joined, ...words.slice(index)];
    const before = joined.at(-1) ?? "";
    if (takesPoint.has(before) && /^-\d/.test(word)) joined.push(`${joined.pop() ?? ""}=${word}`);
    else joined.push(word);
  }
  return joined;
};
