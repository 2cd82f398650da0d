/**
 * The terminal of the wrapped agent, as far as the fake needs one: lines, and what of them is a message.
 *
 * The rule: text is kept as it came; a message is what came since a mark, without the prompt, wrapped and
 * padded to the width of the terminal. No cursor moves: the agents of our tests print downwards.
 */

export interface Screen {
  readonly add: (text: string) => void;
  /** How much has come: a mark to ask for what comes after it. */
  readonly length: () => number;
  readonly messageSince: (mark: number) => string;
  /** Whether the agent waits for input: a ">" in one of the last six lines. */
  readonly hasPrompt: () => boolean;
  /** The last lines, for an agent that failed. */
  readonly tail: () => string;
}

export const createScreen = (width: number): Screen => {
  let text = "";
  const padded = (line: string): string => {
    const characters = Array.from(line);
    const rows: string[] = [];
    do {
      const row = characters.splice(0, width);
      rows.push(row.join("") + " ".repeat(width - row.length));
    } while (characters.length > 0);
    return rows.join("\n");
  };
  const linesOf = (part: string): string[] => part.replace(/\n[ \n]*$|^[ \n]*\n/g, "").split("\n");
  return {
    add: (more) => {
      text += more.replaceAll("\r\n", "\n");
    },
    length: () => text.length,
    messageSince: (mark) => {
      const lines = linesOf(text.slice(mark));
      if (lines.at(-1)?.startsWith(">")) lines.pop();
      while (lines.at(-1)?.trim() === "") lines.pop();
      while (lines[0]?.trim() === "") lines.shift();
      return lines.map(padded).join("\n");
    },
    hasPrompt: () =>
      text
        .split("\n")
        .filter((line) => line.trim() !== "")
        .slice(-6)
        .some((line) => line.includes(">")),
    tail: () => linesOf(text).map(padded).join("\n").trimEnd(),
  };
};
