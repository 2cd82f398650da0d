import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, expect, it } from "vitest";
import { paged } from "./pager.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-pager-"));
afterAll(() => rmSync(root, { recursive: true }));

const written = async (
  lines: number,
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly said: string; readonly isTaken: boolean }> => {
  let said = "";
  const out = Object.assign(new PassThrough(), { isTTY: true, rows: 5 });
  out.on("data", (piece: Buffer) => (said += piece.toString()));
  const sink = paged(out as unknown as NodeJS.WriteStream, environment);
  let isTaken = true;
  for (let line = 0; line < lines && isTaken; line += 1) isTaken = await sink.line(`line ${line}`);
  // Whoever goes on all the same is told again.
  if (!isTaken) expect(await sink.line("more")).toBe(false);
  await sink.end();
  return { said, isTaken };
};
const text = (lines: number): string =>
  Array.from({ length: lines }, (_, line) => `line ${line}\n`).join("");

it("what fits the screen goes straight out, what does not goes whole to the pager", async () => {
  const file = join(root, "paged");
  const environment = { TASKWAL_PAGER: `cat > "${file}"`, PAGER: "false" };
  expect(await written(4, environment)).toEqual({ said: text(4), isTaken: true });
  expect(await written(900, environment)).toEqual({ said: "", isTaken: true });
  expect(readFileSync(file, "utf8")).toBe(text(900));
});

it("an empty pager is none", async () => {
  expect((await written(40, { TASKWAL_PAGER: "" })).said).toBe(text(40));
});

it.each(["head -1 > /dev/null", "kill -9 $$"])(
  "a pager that is left early, as by `%s`, is no error: nobody reads any more",
  async (pager) => {
    const { said, isTaken } = await written(200_000, { TASKWAL_PAGER: pager });
    expect({ said, isTaken }).toEqual({ said: "", isTaken: false });
  },
);
