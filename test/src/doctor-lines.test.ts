/**
 * Every kind of damage of a JSONL session, planted: it is named with its line and byte, and costs no other line.
 */
import { describe, expect, it } from "vitest";
import { countOf, diagnosed, reasonsOf, told } from "./doctor/planted.ts";

const record = (n: number): string =>
  JSON.stringify({
    uuid: `u${n}`,
    parentUuid: n === 1 ? null : `u${n - 1}`,
    sessionId: "s1",
    type: n % 2 === 1 ? "user" : "assistant",
    timestamp: `2026-05-01T10:00:0${n}.000Z`,
    message: { role: "user", content: `turn ${n}: {"quoted":"json"} é` },
  });
const lines = (...numbers: number[]): string => numbers.map((n) => `${record(n)}\n`).join("");
const bytesOf = (text: string): number => Buffer.byteLength(text);

const file = "p/s1.jsonl";
const look = async (content: string | Uint8Array): Promise<[string[], number | undefined]> => {
  const diagnosis = await diagnosed({ [file]: content });
  return [told(diagnosis).map((one) => one.replace(`${file} `, "")), countOf(diagnosis, file)];
};

describe("a session of Claude Code", () => {
  it("that is whole has no finding, with CRLF line ends, empty lines and no last newline as well", async () => {
    for (const text of [
      lines(1, 2, 3),
      lines(1, 2, 3).replaceAll("\n", "\r\n"),
      `${record(1)}\n\n  \n${record(2)}\n${record(3)}`,
    ]) {
      expect(await look(text)).toEqual([[], 3]);
    }
    const { files } = await diagnosed({ [file]: lines(1, 2, 3) });
    expect(files).toMatchObject([
      {
        program: "claude-code",
        unit: "records",
        ids: ["u1", "u2", "u3"],
        firstAt: "2026-05-01T10:00:01.000Z",
        lastAt: "2026-05-01T10:00:03.000Z",
      },
    ]);
  });

  it("with a torn tail, cut at any byte, says where the cut record begins and has all before it", async () => {
    const whole = lines(1, 2);
    const size = bytesOf(record(3));
    for (let cut = 1; cut < size; cut += 1) {
      const text = Buffer.concat([Buffer.from(whole), Buffer.from(record(3)).subarray(0, cut)]);
      expect(await look(text), `cut after ${cut}`).toEqual([
        [`torn line 3 byte ${bytesOf(whole)}`],
        2,
      ]);
    }
  });

  it("with two records on one line says so, reads both, and names what a reader that stops there hides", async () => {
    expect(await look(`${lines(1)}${record(2)}${record(3)}\n${lines(4, 5)}`)).toEqual([
      [`glued line 2 byte ${bytesOf(lines(1))}`, "hidden p/s1.jsonl"],
      5,
    ]);
  });

  it("with nothing but a torn record says so, and takes no part of it for a record", async () => {
    const size = bytesOf(record(1));
    for (let cut = 1; cut < size; cut += 1) {
      const torn = Buffer.from(record(1)).subarray(0, cut);
      const text = Buffer.concat([torn, Buffer.from("\n")]);
      expect(await look(text), `cut after ${cut}`).toEqual([["torn line 1 byte 0"], 0]);
    }
  });

  it("with a torn record that the next one was glued to reads the next one, whatever byte it is torn at", async () => {
    const start = bytesOf(lines(1));
    const size = bytesOf(record(2));
    for (let cut = 1; cut < size; cut += 1) {
      const torn = Buffer.from(record(2)).subarray(0, cut);
      const text = Buffer.concat([Buffer.from(lines(1)), torn, Buffer.from(lines(3))]);
      const [findings, count] = await look(text);
      expect(count, `torn after ${cut}`).toBe(2);
      expect(findings).toEqual([
        `torn line 2 byte ${start}`,
        `glued line 2 byte ${start}`,
        "missing line 2",
      ]);
    }
  });

  it("with a hole of NUL bytes says where, and reads what stands on both sides of it", async () => {
    const hole = Buffer.alloc(300);
    const at = bytesOf(lines(1, 2));
    const text = Buffer.concat([Buffer.from(lines(1, 2)), hole, Buffer.from(lines(3, 4))]);
    expect(await look(text)).toEqual([[`zeroed line 3 byte ${at}`, "hidden p/s1.jsonl"], 4]);
    const tail = Buffer.concat([Buffer.from(lines(1, 2)), hole]);
    expect(await look(tail)).toEqual([[`zeroed line 3 byte ${at}`], 2]);
  });

  it("that has the right size and only NUL bytes, or no byte at all, is told apart from a whole one", async () => {
    expect(await look(Buffer.alloc(70_000))).toEqual([["zeroed line 1 byte 0"], 0]);
    expect(await look("")).toEqual([["zeroed p/s1.jsonl"], 0]);
  });

  it("with a line that is no JSON names it and reads on", async () => {
    expect(await look(`${lines(1)}undefined\n${lines(2)}`)).toEqual([
      [`garbled line 2 byte ${bytesOf(lines(1))}`, "hidden p/s1.jsonl"],
      2,
    ]);
  });

  it("with the mark of an encoding says that its first line does not show; UTF-16 is named and not taken apart", async () => {
    expect(await look(`\uFEFF${lines(1, 2)}`)).toEqual([["hidden line 1"], 2]);
    const wide = Buffer.from(`\uFEFF${lines(1, 2)}`, "utf16le");
    expect(await look(wide)).toEqual([["garbled p/s1.jsonl"], 0]);
  });

  it("with bytes that are no UTF-8 says at which byte other letters are shown; the record counts as readable", async () => {
    const text = Buffer.from(lines(1, 2));
    const at = text.lastIndexOf(Buffer.from("é"));
    text[at] = 0xff;
    expect(await look(text)).toEqual([[`garbled line 2 byte ${at}`], 2]);
  });

  it("whose parent is in no whole record says which one is missing, and that an id comes twice", async () => {
    const [findings] = await look(lines(1, 2, 4));
    expect(findings).toEqual(["missing line 3"]);
    const twice = await diagnosed({ [file]: lines(1, 2, 2, 3) });
    expect(told(twice)).toEqual([`hidden ${file} line 3`]);
    expect(reasonsOf(twice)[0]).toContain("the id u2 comes twice");
  });

  it("with lines that are longer than what is read at once has each of them whole", async () => {
    const long = [100_000, 400_000, 262_144, 700_000].map((size, n) =>
      JSON.stringify({ content: "abcdefg".repeat(size / 7), uuid: `u${n}`, sessionId: "s" }),
    );
    const diagnosis = await diagnosed({ [file]: `${long.join("\n")}\n` });
    expect(told(diagnosis)).toEqual([]);
    expect(diagnosis.files).toMatchObject([{ ids: ["u0", "u1", "u2", "u3"] }]);
  });

  it("with a line over the bound of 32 MiB says so and reads the others", async () => {
    const huge = `{"uuid":"u2","content":"${"x".repeat(32 * 1024 * 1024)}"}\n`;
    const [findings, count] = await look(lines(1) + huge + lines(1).replaceAll("u1", "u3"));
    expect(findings).toEqual([`unreadable line 2 byte ${bytesOf(lines(1))}`, "hidden p/s1.jsonl"]);
    expect(count).toBe(2);
  });
});

describe("a session of Codex", () => {
  const meta = `${JSON.stringify({ timestamp: "2026-05-01T10:00:00.000Z", type: "session_meta", payload: { id: "t1" }, ordinal: 0 })}\n`;
  const item = (ordinal: number | undefined): string =>
    `${JSON.stringify({ timestamp: "2026-05-01T10:00:01.000Z", type: "response_item", payload: { type: "message" }, ordinal })}\n`;

  it("that is whole has no finding, with ordinals and without", async () => {
    expect(await look(meta + item(1) + item(2))).toEqual([[], 3]);
    expect(await look(meta.replace(',"ordinal":0', "") + item(undefined))).toEqual([[], 2]);
    const { files } = await diagnosed({ [file]: meta + item(1) });
    expect(files).toMatchObject([{ program: "codex", ids: ["t1"] }]);
  });

  it("without its first record, with an ordinal twice, or with none at its end says what Codex does of it", async () => {
    for (const [text, kind, reason] of [
      [item(1) + item(2), "missing", "no readable session_meta"],
      [meta + item(1) + item(1) + item(2), "hidden", "the ordinal 1 comes twice"],
      [meta + item(1) + item(undefined), "missing", "its last record has no ordinal"],
    ] as const) {
      const diagnosis = await diagnosed({ [file]: text });
      expect(told(diagnosis)).toHaveLength(1);
      expect(told(diagnosis)[0]).toContain(kind);
      expect(reasonsOf(diagnosis)[0]).toContain(reason);
    }
  });
});
