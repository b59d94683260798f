/**
 * @file Which columns of a dataset stay in memory. Small columns come first: to open, read and close a file takes as
 * long for a few kilobytes as for two hundred. The rest of the budget goes to the first pages.
 */
import type { ColumnName } from '../../configs/signals.ts';

export class ColumnBudget {
  readonly #bytes: number;
  #spent = 0;
  #pagesLeft: number;
  /** Bytes of the columns that every page keeps, by the sizes of the first page. */
  #promised: ReadonlyMap<ColumnName, number> | undefined;

  constructor(bytes: number, pages: number) {
    this.#bytes = bytes;
    this.#pagesLeft = pages;
  }

  /**
   * The columns of the next page that stay in memory.
   * @param sizes Bytes of each column of the page.
   */
  choose(sizes: ReadonlyMap<ColumnName, number>): ColumnName[] {
    const smallestFirst = [...sizes].sort(([, a], [, b]) => a - b);
    this.#promised ??= this.#promise(smallestFirst);
    this.#pagesLeft--;
    const promisedBytes = [...this.#promised.values()].reduce((sum, size) => sum + size, 0);
    const reserve = promisedBytes * this.#pagesLeft;
    const kept: ColumnName[] = [];
    for (const [name, size] of smallestFirst) {
      const free = this.#bytes - this.#spent - (this.#promised.has(name) ? 0 : reserve);
      if (size > free) continue;
      this.#spent += size;
      kept.push(name);
    }
    return kept;
  }

  /** The smallest columns that fit for all pages, if all are as large as the first. */
  #promise(smallestFirst: readonly (readonly [ColumnName, number])[]): ReadonlyMap<ColumnName, number> {
    const promised = new Map<ColumnName, number>();
    let free = this.#bytes / this.#pagesLeft;
    for (const [name, size] of smallestFirst) {
      if (size > free) break;
      free -= size;
      promised.set(name, size);
    }
    return promised;
  }
}
