import { expect, it } from 'vitest';
import { FeedBuilder } from './feeds.ts';
import { hideParts } from './hide-parts.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';

const SHAPE = { batch: 4, height: 16, width: 16, textTokens: 8 };
const ALL = { p_uncond: 0, p_text_only: 0, p_dino_cls_only: 0, p_dino_patches_only: 0, p_drop_pose: 0, p_pose_only: 0 };

/** Share of hidden joints in each of `count` samples. */
function hiddenJoints(most: number, count: number): number[] {
  return Array.from({ length: count }, (_, ordinal) => {
    const data = new Float32Array(133 * 3).fill(1);
    hideParts('pose', { joints: most, block: 4 }, { seed: 1, ordinal, shape: [133, 3], data });
    const confidences = data.filter((_, i) => i % 3 === 2);
    expect(data.filter(x => x === 0)).toHaveLength(3 * confidences.filter(x => x === 0).length);
    return confidences.filter(x => x === 0).length / 133;
  });
}

it('a sample hides from none to the largest share of its joints', () => {
  const shares = hiddenJoints(0.6, 500);
  const mean = shares.reduce((sum, x) => sum + x, 0) / shares.length;
  expect(mean).toBeCloseTo(0.3, 1);
  expect([Math.min(...shares) < 0.05, Math.max(...shares) > 0.5]).toEqual([true, true]);
  expect(new Set(hiddenJoints(0, 20))).toEqual(new Set([0]));
});

it('patches are hidden whole, in squares', () => {
  const [rows, columns, dim, block] = [9, 7, 2, 3];
  let hidden = 0;
  for (let ordinal = 0; ordinal < 400; ordinal++) {
    const data = new Float32Array(rows * columns * dim).fill(1);
    hideParts('patches', { patches: 1, block }, { seed: 1, ordinal, shape: [rows, columns, dim], data });
    const isHidden = (row: number, column: number) => data[(row * columns + column) * dim] === 0;
    for (let i = 0; i < data.length; i += dim) expect(data[i]).toBe(data[i + 1]);
    // With the right start of the grid, every square is of one kind.
    const starts = Array.from({ length: block ** 2 }, (_, k) => [k % block, Math.floor(k / block)] as const);
    const isGrid = starts.some(([top, left]) =>
      Array.from({ length: rows * columns }, (_, k) => [Math.floor(k / columns), k % columns] as const).every(
        ([row, column]) => {
          const corner = [row - ((row + top) % block), column - ((column + left) % block)].map(x => Math.max(0, x));
          return isHidden(row, column) === isHidden(corner[0] ?? 0, corner[1] ?? 0);
        },
      ),
    );
    expect(isGrid).toBe(true);
    hidden += data.filter(x => x === 0).length / data.length / 400;
  }
  expect(hidden).toBeCloseTo(0.5, 1);
});

it('feeds hide parts of a kept signal by the place of the sample, and leave the columns of losses whole', () => {
  const objective = { cfg_dropout: ALL, masking: { joints: 1, patches: 1, block: 2 } };
  const [config, items] = [tinyConfig({ objective }), tinyItems(4)];
  const columns = new Map([['pose', () => [133, 3]]] as const);
  const feeds = new FeedBuilder(config).build(items, 4, SHAPE, { columns });
  const zeros = (name: string) => feeds[name]?.data.filter(x => x === 0).length ?? Number.NaN;
  expect(zeros('pose')).toBeGreaterThan(133);
  expect(zeros('patches')).toBeGreaterThan(6);
  expect(zeros('column_pose')).toBe(0);
  expect([...(feeds.keep_pose?.data ?? [])]).toEqual([1, 1, 1, 1]);
  const last = new FeedBuilder(config).build(items.slice(3), 7, { ...SHAPE, batch: 1 });
  expect([...(last.pose?.data ?? [])]).toEqual([...(feeds.pose?.data.subarray(3 * 133 * 3) ?? [])]);
});
