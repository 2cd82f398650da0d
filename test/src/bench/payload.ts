/**
 * The payloads that every contender stores: the same bytes for all.
 *
 *     { "text": "k3f…" }      as JSON exactly 200 B, 1 KiB or 16 KiB
 *         └ value   what a program has in hand: ours takes this, checks and encodes it within the measured time
 *         └ json    the same, already encoded: peers take this, so that none pays for an encoding that it need not do
 *
 * The rule: made from a seed, so that every run stores the same; of letters and digits that do not repeat,
 * so that no contender wins by compressing them.
 */

export interface Payload {
  readonly value: { readonly text: string };
  readonly json: string;
  readonly sizeBytes: number;
}

export const payloadSizesBytes = [200, 1_024, 16_384] as const;

/** "200 B", "16 KiB". */
export const sizeName = (sizeBytes: number): string =>
  sizeBytes >= 1_024 ? `${sizeBytes / 1_024} KiB` : `${sizeBytes} B`;

/** Marsaglia's xorshift32: enough for bytes that do not compress well. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};

export const randomText = (lengthBytes: number, seed: number): string => {
  const random = randomFrom(seed * 2_654_435_761);
  let text = "";
  while (text.length < lengthBytes) text += random().toString(36);
  return text.slice(0, lengthBytes);
};

const frame = JSON.stringify({ text: "" });

/** `count` different payloads of one size. */
export const makePayloads = (sizeBytes: number, count = 64): readonly Payload[] =>
  Array.from({ length: count }, (_, index) => {
    const value = { text: randomText(sizeBytes - frame.length, index + 1) };
    return { value, json: JSON.stringify(value), sizeBytes };
  });

/** The one for the `index`-th record, round and round. */
export const payloadAt = (payloads: readonly Payload[], index: number): Payload => {
  const payload = payloads[index % payloads.length];
  if (!payload) throw new RangeError("no payloads");
  return payload;
};
