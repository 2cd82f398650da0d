/** Prints a measured figure beside the test that measured it. */
export const show = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
