/**
 * From values to places on a plot, and the values at which its axis is marked.
 *
 *     logarithmic   1 ─── 10 ─── 100        whole decades, marked one by one
 *     linear        0 ─ 20 ─ 40 ─ 60        from zero, so that what is flat looks flat
 */

export interface PlotScale {
  readonly at: (value: number) => number;
  readonly marks: readonly number[];
}

/** Where an axis begins and ends, in the units of the image. */
export type Extent = readonly [from: number, to: number];

export const logScale = (values: readonly number[], [from, to]: Extent): PlotScale => {
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.max(least + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    at: (value) => from + ((Math.log10(value) - least) / (most - least)) * (to - from),
    marks: Array.from({ length: most - least + 1 }, (_, index) => 10 ** (least + index)),
  };
};

export const linearScale = (values: readonly number[], [from, to]: Extent): PlotScale => {
  const rough = Math.max(...values) / 5;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * ([1, 2, 5, 10].find((each) => each * decade >= rough) ?? 10);
  const steps = Math.ceil(Math.max(...values) / step);
  return {
    at: (value) => from + (value / (steps * step)) * (to - from),
    marks: Array.from({ length: steps + 1 }, (_, index) => index * step),
  };
};

/** "10k", "1M". */
export const short: (value: number) => string = (() => {
  const format = new Intl.NumberFormat("en-US", {
    notation: "compact",
    maximumSignificantDigits: 3,
  });
  return (value) => format.format(value);
})();
