import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../numerics/random-stream.ts';
import { authenticRows } from './authenticity.ts';
import { assignCells, moveCenters, partition } from './cells.ts';
import { dataCopying } from './data-copying.ts';
import { type Features, rowsOf, takeRows } from './features.ts';

/** What testdata/make-copying-goldens.py wrote. */
interface Goldens {
  readonly dim: number;
  readonly training: readonly number[];
  readonly held_out: readonly number[];
  readonly centers: readonly number[];
  readonly training_cells: readonly number[];
  readonly held_out_cells: readonly number[];
  readonly sets: readonly {
    readonly name: string;
    readonly drawn: readonly number[];
    readonly cells: readonly number[];
    readonly least: number;
    readonly authentic: readonly number[];
    readonly score: number;
  }[];
}
const GOLDENS: Goldens = JSON.parse(readFileSync(new URL('testdata/copying.json', import.meta.url), 'utf8'));
const rows = (data: readonly number[], dim = GOLDENS.dim): Features => ({ dim, data: Float32Array.from(data) });
const training = { features: rows(GOLDENS.training), cells: Uint32Array.from(GOLDENS.training_cells) };
const heldOut = { features: rows(GOLDENS.held_out), cells: Uint32Array.from(GOLDENS.held_out_cells) };
const alone = (set: Features) => Array.from({ length: rowsOf(set) }, (_, row) => String(row));

function draw(count: number, dim: number, seed: number): Features {
  const data = new Float32Array(count * dim);
  new RandomStream(seed, 'sample').fillNormal(data);
  return { dim, data };
}

describe('authenticRows', () => {
  it.each(GOLDENS.sets)('$name are authentic as by the definition in NumPy', ({ drawn, authentic }) => {
    const found = authenticRows(rows(drawn), training.features, alone(training.features));
    expect(found?.map(Number)).toEqual(authentic);
  });

  it('a near-duplicate of the nearest row does not make a copy authentic', () => {
    const set = rows([0, 0.01, 5], 1);
    expect(authenticRows(rows([0.5], 1), set, ['a', 'b', 'c'])).toEqual([true]);
    expect(authenticRows(rows([0.5], 1), set, ['a', 'a', 'c'])).toEqual([false]);
    expect(authenticRows(rows([0.5], 1), set, ['a', 'a', 'a'])).toBeUndefined();
  });
});

describe('dataCopying', () => {
  it.each(GOLDENS.sets)('the score of $name is that of dgm-eval', ({ drawn, cells, least, score }) => {
    const found = dataCopying(
      { drawn: { features: rows(drawn), cells: Uint32Array.from(cells) }, heldOut, training },
      least,
    );
    expect(found?.score).toBeCloseTo(score, 10);
  });

  it('rows of one distribution score about 0, with the deviation that is told', () => {
    const set = draw(60, 4, 1);
    const none = (features: Features) => ({ features, cells: new Uint32Array(rowsOf(features)) });
    const all = Array.from({ length: 80 }, (_, i) =>
      dataCopying({ drawn: none(draw(40, 4, 100 + i)), heldOut: none(draw(40, 4, 1000 + i)), training: none(set) }, 0),
    );
    const scores = all.map(found => found?.score ?? Number.NaN);
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    const sd = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (scores.length - 1));
    expect(Math.abs(mean)).toBeLessThan(0.35);
    expect([all[0]?.sd, all[0]?.cells]).toEqual([1, 1]);
    expect(Math.abs(sd - 1)).toBeLessThan(0.25);
  });

  it('cells with few drawn rows, or without held-out ones, do not count', () => {
    const [first] = GOLDENS.sets;
    const drawn = { features: rows(first?.drawn ?? []), cells: Uint32Array.from(first?.cells ?? []) };
    expect(dataCopying({ drawn, heldOut, training }, 50)).toBeUndefined();
    const elsewhere = { features: heldOut.features, cells: new Uint32Array(heldOut.cells.length).fill(7) };
    expect(dataCopying({ drawn, heldOut: elsewhere, training }, 0)).toBeUndefined();
  });
});

describe('cells', () => {
  it('from the same start, centres and cells are those of scikit-learn', () => {
    const centers = moveCenters(training.features, takeRows(training.features, [0, 1, 2]));
    for (const [i, value] of GOLDENS.centers.entries()) expect(centers.data[i]).toBeCloseTo(value, 5);
    expect([...assignCells(training.features, centers)]).toEqual(GOLDENS.training_cells);
    expect([...assignCells(heldOut.features, centers)]).toEqual(GOLDENS.held_out_cells);
  });

  it('groups far apart are one cell each, whatever the seed', () => {
    const middles = [0, 50, 100, 150];
    const near = draw(80, 2, 3);
    const set = { dim: 2, data: near.data.map((value, i) => value + (middles[Math.floor(i / 2) % 4] ?? 0)) };
    for (const seed of [0, 1, 2]) {
      const cells = assignCells(set, partition(set, 4, seed));
      expect(new Set(cells).size).toBe(4);
      for (const [row, cell] of cells.entries()) expect(cell).toBe(cells[row % 4]);
    }
  });

  it('a set of one repeated row has one cell', () => {
    expect(rowsOf(partition({ dim: 2, data: new Float32Array(12).fill(3) }, 3, 0))).toBe(1);
  });
});
