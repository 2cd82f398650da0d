/** Figures by name, summed. */
export const addTo = (
  sums: Record<string, number>,
  more: Readonly<Record<string, number>>,
): void => {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
};
