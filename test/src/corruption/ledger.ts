/**
 * What a store was told, and what it must therefore hold: the reference, written without the engine.
 *
 *     issued    a1 b1 a2 a3 b2 …       each with its mark, its version and (once written) its sequence
 *     pagesOf(without a2)  ──>  a: version 3, marks 1 3, lost 2..2      b: version 2, …
 *
 * The rule: a page is recomputed from the marks that are left, never read from the store under test.
 */

export interface Issued {
  readonly id: string;
  readonly kind: "open" | "mark" | "line" | "close";
  readonly mark: number;
  /** The page's version after it. */
  readonly n: number;
  /** Those of one transaction share a number. */
  readonly group: number;
  /** 0 until the log was read back. */
  seq: number;
}

/** A page by value, as a reader of the store sees it. */
export interface PageValue {
  readonly id: string;
  readonly version: number;
  /** Undefined if it was never opened, is closed, or its opening was lost. */
  readonly marks: readonly number[] | undefined;
  readonly lines: readonly number[];
}

interface Page {
  n: number;
  marks: number[] | undefined;
  lines: number[];
  /** Lost versions, in the order found. */
  lost: [number, number][];
  frozen: boolean;
}

/** What is known to be gone: sequences that no longer read, and those left out with their transaction. */
export interface Gone {
  readonly lost: ReadonlySet<number>;
  readonly dropped: ReadonlySet<number>;
}

export interface Expected {
  readonly pages: ReadonlyMap<string, PageValue>;
  /** Which pages must be named, with the versions that they lost. */
  readonly named: ReadonlyMap<string, readonly (readonly [number, number])[]>;
  /** Mutations that are gone and that no later record of their page tells of. */
  readonly unprovable: readonly Issued[];
}

const nothingGone: Gone = { lost: new Set(), dropped: new Set() };

export const expectedPages = (ledger: readonly Issued[], gone: Gone = nothingGone): Expected => {
  const pages = new Map<string, Page>();
  const pageOf = (id: string): Page => {
    const page = pages.get(id) ?? { n: 0, marks: undefined, lines: [], lost: [], frozen: false };
    pages.set(id, page);
    return page;
  };
  const isGone = ({ seq }: Issued): boolean => gone.lost.has(seq) || gone.dropped.has(seq);
  for (const issued of ledger) if (!isGone(issued)) apply(pageOf(issued.id), issued);
  // A member that was left out still reads: its page is known to have lost it, later record or not.
  for (const { id, n, seq } of ledger) {
    const page = pageOf(id);
    if (gone.dropped.has(seq) && page.n < n) lose(page, n);
  }
  const unprovable = ledger.filter((issued) => isGone(issued) && issued.n > pageOf(issued.id).n);
  const named = [...pages].filter(([, { lost }]) => lost.length > 0);
  return {
    pages: new Map([...pages].map(([id, page]) => [id, valueOf(id, page)])),
    named: new Map(named.map(([id, { lost }]) => [id, lost])),
    unprovable,
  };
};

const lose = (page: Page, last: number): void => {
  page.lost.push([page.n + 1, last]);
  page.n = last;
};

const apply = (page: Page, { kind, mark, n }: Issued): void => {
  if (n > page.n + 1) lose(page, n - 1);
  page.n = n;
  // After a loss a record may find no page, or one that should be gone: it is counted, not applied.
  if ((page.marks !== undefined) === (kind === "open")) page.frozen = true;
  if (page.frozen) return;
  if (kind === "open") page.marks = [mark];
  else if (kind === "mark") page.marks = [...(page.marks ?? []), mark];
  else if (kind === "line") page.lines.push(mark);
  else page.marks = undefined;
  if (kind === "open" || kind === "close") page.lines = [];
};

const valueOf = (id: string, { n, marks, lines }: Page): PageValue => ({
  id,
  version: n,
  marks,
  lines,
});

export const samePage = (a: PageValue | undefined, b: PageValue | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
