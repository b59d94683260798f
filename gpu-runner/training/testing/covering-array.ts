/**
 * @file Covering arrays of strength two: few rows in which each value of each factor meets each value of every other
 * factor (Cohen et al., The AETG System, IEEE TSE 23(7), 1997).
 */

/** Values of each factor, by name. */
export type Factors = Readonly<Record<string, readonly string[]>>;
/** One value of each factor. */
export type Row = Readonly<Record<string, string>>;
/** Two values that no row may have together. */
export type Pair = readonly [one: string, other: string];

/** `factor=value` */
export const cell = (factor: string, value: string): string => `${factor}=${value}`;

/**
 * Rows that cover all pairs but the forbidden ones. Each begins with a pair that is not covered yet and takes of each
 * further factor the value that covers the most.
 * @throws TypeError when a value is left without any that may stand beside it.
 */
export function coverPairs(factors: Factors, forbidden: readonly Pair[] = []): Row[] {
  const refused = new Set(forbidden.flatMap(([one, other]) => [`${one} ${other}`, `${other} ${one}`]));
  const open = new Set(listPairs(factors).filter(pair => !refused.has(pair)));
  const rows: Row[] = [];
  while (open.size > 0) {
    const [first = ''] = open;
    const row = completeRow(factors, open, refused, first.split(' '));
    for (const pair of pairsOf(Object.entries(row).map(([factor, value]) => cell(factor, value)))) open.delete(pair);
    open.delete(first);
    rows.push(row);
  }
  return rows;
}

function completeRow(factors: Factors, open: ReadonlySet<string>, refused: ReadonlySet<string>, start: string[]): Row {
  const chosen = [...start];
  const isOpen = (one: string, other: string) => open.has(`${one} ${other}`) || open.has(`${other} ${one}`);
  for (const [factor, values] of Object.entries(factors)) {
    if (chosen.some(each => each.startsWith(`${factor}=`))) continue;
    const possible = values
      .map(value => cell(factor, value))
      .filter(each => !chosen.some(other => refused.has(`${each} ${other}`)));
    const gain = (each: string) => chosen.filter(other => isOpen(each, other)).length;
    const [best] = possible.toSorted((a, b) => gain(b) - gain(a));
    if (best === undefined) throw new TypeError(`no value of ${factor} may stand beside ${chosen.join(', ')}`);
    chosen.push(best);
  }
  const named = new Map(chosen.map(each => each.split('=') as [string, string]));
  return Object.fromEntries(Object.keys(factors).map(factor => [factor, named.get(factor) ?? '']));
}

function listPairs(factors: Factors): string[] {
  const cells = Object.entries(factors).map(([factor, values]) => values.map(value => cell(factor, value)));
  return cells.flatMap((ones, i) =>
    cells.slice(i + 1).flatMap(others => ones.flatMap(one => others.map(other => `${one} ${other}`))),
  );
}

/** All pairs of cells, in their order. */
function pairsOf(cells: readonly string[]): string[] {
  return cells.flatMap((one, i) => cells.slice(i + 1).map(other => `${one} ${other}`));
}

/**
 * The fewest rows, by greedy choice, that together have each of `wanted` that any of them has.
 * @param wanted Cells: `factor=value`.
 */
export function fewestRows(rows: readonly Row[], wanted: ReadonlySet<string>): Row[] {
  const cellsOf = (row: Row) => Object.entries(row).map(([factor, value]) => cell(factor, value));
  const missing = new Set(rows.flatMap(cellsOf).filter(each => wanted.has(each)));
  const chosen: Row[] = [];
  while (missing.size > 0) {
    const gain = (row: Row) => cellsOf(row).filter(each => missing.has(each)).length;
    const [best] = rows.toSorted((a, b) => gain(b) - gain(a));
    if (best === undefined) break;
    chosen.push(best);
    for (const each of cellsOf(best)) missing.delete(each);
  }
  return chosen;
}
