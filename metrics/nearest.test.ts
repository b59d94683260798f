import { describe, expect, it } from 'vitest';
import { RandomStream } from '../numerics/random-stream.ts';
import { type Features, normalizeRows, takeRows } from './features.ts';
import { nearestOthers, nearestRows } from './nearest.ts';
import { GOLDEN_SETS } from './testing/goldens.ts';

function draw(rows: number, dim: number, seed: number): Features {
  const data = new Float32Array(rows * dim);
  new RandomStream(seed, 'sample').fillNormal(data);
  return { dim, data };
}

describe('nearestRows', () => {
  it.each(GOLDEN_SETS)('the nearest rows of sets with $name are those of scikit-learn', ({ a, b, nearest }) => {
    const found = nearestRows(b, a, 3);
    expect(found.map(row => row.map(({ index }) => index))).toEqual(nearest.indexes);
    expect(found.map(row => row.map(({ distance }) => distance))).toEqual(
      nearest.distances.map(row => row.map(distance => expect.closeTo(distance, 10))),
    );
  });

  it('over several blocks the nearest rows are those that comparing each with each finds', () => {
    const [queries, set] = [draw(70, 5, 1), draw(201, 5, 2)];
    const slowly = Array.from({ length: 70 }, (_, q) =>
      Array.from({ length: 201 }, (_, index) => {
        const squares = Array.from({ length: 5 }, (_, k) => (queries.data[q * 5 + k]! - set.data[index * 5 + k]!) ** 2);
        return {
          index,
          distance: expect.closeTo(Math.sqrt(squares.reduce((sum, x) => sum + x)), 10),
          order: squares.reduce((sum, x) => sum + x),
        };
      })
        .sort((x, y) => x.order - y.order)
        .slice(0, 2)
        .map(({ index, distance }) => ({ index, distance })),
    );
    expect(nearestRows(queries, set)).toEqual(slowly);
  });

  it('an equal row has exactly the distance 0, also far from the origin, and the first of two equal rows comes first', () => {
    const far = draw(90, 33, 3);
    const set: Features = { dim: 33, data: far.data.map(x => x + 1000) };
    const twice = takeRows(set, [...Array(90).keys(), 7]);
    for (const [row, [first]] of nearestRows(set, twice).entries()) expect(first).toEqual({ index: row, distance: 0 });
    expect(nearestRows(takeRows(set, [7]), twice)).toEqual([
      [
        { index: 7, distance: 0 },
        { index: 90, distance: 0 },
      ],
    ]);
  });

  it('a set with fewer rows than asked for gives all of them', () => {
    expect(nearestRows(draw(3, 4, 1), draw(1, 4, 2), 2).map(row => row.length)).toEqual([1, 1, 1]);
  });
});

describe('nearestOthers', () => {
  it('the nearest others are those of nearestRows behind the row itself', () => {
    const set = draw(140, 6, 4);
    expect(nearestOthers(set, 3)).toEqual(nearestRows(set, set, 4).map(row => row.slice(1)));
  });
});

describe('normalizeRows', () => {
  it('the squared distance of normalized rows is 2 - 2 cosine; a row of zeros stays', () => {
    const rows = normalizeRows({ dim: 2, data: Float32Array.of(3, 4, 0, 0, 10, 0) });
    expect([...rows.data]).toEqual([0.6, 0.8, 0, 0, 1, 0].map(Math.fround));
    const [[near] = []] = nearestRows(takeRows(rows, [0]), takeRows(rows, [2]));
    expect(near?.distance).toBeCloseTo(Math.sqrt(2 - 2 * 0.6), 6);
  });
});
