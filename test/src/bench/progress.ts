/**
 * One line on standard error that says what is being measured.
 *
 *     a terminal     the line is written over
 *     anything else  a plain line now and then, and whenever another benchmark begins
 *
 * The rule: standard output is for results only.
 */

const quietMs = 10_000;
const widthMax = 79;

export interface Progress {
  readonly tell: (text: string) => void;
  /** Before something else is printed. */
  readonly clear: () => void;
}

export const progressTo = (stream: NodeJS.WriteStream): Progress => {
  let lastMs = Number.NEGATIVE_INFINITY;
  let lastBenchmark: string | undefined;
  const tell = (text: string): void => {
    if (stream.isTTY) {
      stream.write(`\r\u001B[K${text.slice(0, widthMax)}`);
      return;
    }
    const [benchmark] = text.split(":");
    if (benchmark === lastBenchmark && performance.now() - lastMs < quietMs) return;
    lastBenchmark = benchmark;
    lastMs = performance.now();
    stream.write(`${text}\n`);
  };
  return { tell, clear: () => void (stream.isTTY && stream.write("\r\u001B[K")) };
};
