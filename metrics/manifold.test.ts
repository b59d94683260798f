import { describe, expect, it } from 'vitest';
import { RandomStream } from '../numerics/random-stream.ts';
import type { Features } from './features.ts';
import { manifoldMeasures } from './manifold.ts';
import { GOLDEN_SETS } from './testing/goldens.ts';

function draw(rows: number, seed: number, scale = 1): Features {
  const data = new Float32Array(rows * 4);
  new RandomStream(seed, 'sample').fillNormal(data);
  return { dim: 4, data: data.map(x => x * scale) };
}

describe('manifoldMeasures', () => {
  it.each(GOLDEN_SETS)('the measures of sets with $name are those of prdc', ({ a, b, k, manifold }) => {
    const close = Object.fromEntries(Object.entries(manifold).map(([name, x]) => [name, expect.closeTo(x, 12)]));
    expect(manifoldMeasures(a, b, k)).toEqual({ ...close, k });
  });

  it('a set has 1 four times beside itself', () => {
    const set = draw(150, 1);
    expect(manifoldMeasures(set, set)).toEqual({ precision: 1, recall: 1, density: 1, coverage: 1, k: 5 });
  });

  it('drawn rows that lie close together are precise and find few of the real ones', () => {
    const { precision, recall } = manifoldMeasures(draw(200, 1), draw(200, 2, 0.3));
    expect(precision).toBeGreaterThan(0.95);
    expect(recall).toBeLessThan(0.4);
  });

  it('sets of one repeated row cover themselves and no other row', () => {
    const repeated = (value: number): Features => ({ dim: 2, data: new Float32Array(12).fill(value) });
    expect(manifoldMeasures(repeated(1), repeated(1))).toMatchObject({ precision: 1, recall: 1, coverage: 1 });
    const apart = manifoldMeasures(repeated(1), repeated(2));
    expect(apart).toEqual({ precision: 0, recall: 0, density: 0, coverage: 0, k: 5 });
  });

  it('k is smaller than the smaller set, and the answer says so', () => {
    expect(manifoldMeasures(draw(4, 1), draw(90, 2)).k).toBe(3);
    expect(() => manifoldMeasures(draw(1, 1), draw(90, 2))).toThrow('at least 2 rows');
  });
});
