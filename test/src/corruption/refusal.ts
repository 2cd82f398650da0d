/** The other answer to damage: `onDamage: "refuse"` says exactly where, and leaves every byte as it is. */
import { CorruptError, openStore } from "taskwal";
import { expect } from "vitest";
import type { Harm } from "./harm.ts";
import type { Medium } from "./medium.ts";
import { openOptions, type SmallStore } from "./small-store.ts";

const contentOf = (medium: Medium): Map<string, string> =>
  new Map(medium.names().map((name) => [name, Buffer.from(medium.read(name)).toString("base64")]));

/** `lost` are the sequences that a salvage of the same harm calls lost. */
export const expectRefused = async (
  small: SmallStore,
  medium: Medium,
  harm: Harm,
  lost: readonly (readonly [number, number])[],
): Promise<void> => {
  medium.reset();
  harm.apply(medium);
  const before = contentOf(medium);
  const opening = openStore({
    ...openOptions,
    dir: medium.dir,
    disk: medium.disk(),
    mirrors: small.kind.mirrors,
    onDamage: "refuse",
  });
  const error = await opening.then(
    async (store) => {
      await store.close();
      return undefined;
    },
    (reason: unknown) => reason,
  );
  expect(error, `${small.kind.name}, ${harm.file}, ${harm.what}`).toBeInstanceOf(CorruptError);
  const { file, startBytes = Infinity, endBytes = -Infinity, sequences } = error as CorruptError;
  if (harm.bytes) {
    expect(file).toBe(harm.file);
    expect(startBytes).toBeLessThanOrEqual(harm.bytes[0]);
    expect(endBytes).toBeGreaterThanOrEqual(harm.bytes[1]);
  }
  expect(sequences).toEqual(lost);
  const after = contentOf(medium);
  for (const [name, bytes] of before) expect(after.get(name), `${name} was changed`).toBe(bytes);
  const added = [...after.keys()].filter((name) => !before.has(name));
  // An owner claims before it reads; a claim holds no byte.
  expect(added.filter((name) => !/^wal\/\d+\.claim$/.test(name))).toEqual([]);
};
