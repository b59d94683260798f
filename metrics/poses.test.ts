import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WHOLEBODY_GROUPS, WHOLEBODY_JOINTS } from '../configs/coco-wholebody.ts';
import { JOINT_SPREADS } from '../configs/joint-spreads.ts';
import { faceError, mpjpe, oks, oksPrecision, paMpjpe, pck, pckShare } from './poses.ts';

interface Golden {
  readonly name: string;
  readonly found: readonly number[];
  readonly wanted: readonly number[];
  readonly area: number;
  readonly oks: number;
  readonly mpjpe: number;
  readonly pa_mpjpe: number;
  readonly face: number | null;
  readonly right: Readonly<Record<string, number>>;
  readonly joints: number;
}

const GOLDENS: readonly Golden[] = JSON.parse(readFileSync(new URL('./testdata/poses.json', import.meta.url), 'utf8'));
const { found: near, wanted } = GOLDENS[0] ?? { found: [], wanted: [] };

it('there is a spread and a group for each joint', () => {
  expect([JOINT_SPREADS.length, WHOLEBODY_GROUPS.length]).toEqual([133, 133]);
  const sizes = Map.groupBy(WHOLEBODY_GROUPS, group => group);
  expect([...sizes].map(([group, { length }]) => [group, length])).toEqual([
    ['body', 17],
    ['feet', 6],
    ['face', 68],
    ['hands', 42],
  ]);
});

describe.each(GOLDENS)('$name', golden => {
  it('OKS is that of pycocotools', () => {
    expect(oks(golden.found, golden.wanted, { area: golden.area })).toBeCloseTo(golden.oks, 10);
  });

  it('the mean error is that of NumPy, and with a transform of scikit-image', () => {
    const close = (error: number) => ({ error: expect.closeTo(error, 10), joints: golden.joints, missing: 0 });
    expect(mpjpe(golden.found, golden.wanted)).toEqual(close(golden.mpjpe));
    expect(paMpjpe(golden.found, golden.wanted)).toEqual(close(golden.pa_mpjpe));
  });

  it('the error of the face is that of NumPy', () => {
    expect(faceError(golden.found, golden.wanted)).toBeCloseTo(golden.face ?? Number.NaN, 10);
  });

  it('PCK counts the joints within the threshold', () => {
    for (const [threshold, right] of Object.entries(golden.right)) {
      const counts = Object.values(pck(golden.found, golden.wanted, { threshold: Number(threshold) }));
      expect(counts.reduce((sum, count) => sum + count.right, 0)).toBe(right);
      expect(pckShare(counts)).toBeCloseTo(right / golden.joints, 12);
    }
  });
});

describe('poses', () => {
  it('a pose equals itself, and by groups as well', () => {
    const sure = wanted.map((value, i) => (i % 3 === 2 ? 1 : value));
    expect(oks(sure, sure)).toBe(1);
    expect(mpjpe(sure, sure)).toEqual({ error: 0, joints: 133, missing: 0 });
    expect(paMpjpe(sure, sure).error).toBeLessThan(1e-15);
    expect(pck(sure, sure, { threshold: 0 }).face).toEqual({ right: 68, joints: 68 });
    expect(mpjpe(sure, sure, { groups: ['feet'] }).joints).toBe(6);
  });

  it('a person who is moved, turned and scaled has the same posture, a mirrored one has another', () => {
    const body = (at: (x: number, y: number) => readonly [number, number]) =>
      wanted.map((_, i, all) => {
        const start = i - (i % 3);
        return i % 3 === 2 ? 1 : at(all[start] ?? 0, all[start + 1] ?? 0)[i % 3]!;
      });
    expect(
      paMpjpe(
        body((x, y) => [9 - 2 * y, 2 * x + 4]),
        wanted,
      ).error,
    ).toBeLessThan(1e-12);
    expect(
      mpjpe(
        body((x, y) => [9 - 2 * y, 2 * x + 4]),
        wanted,
      ).error,
    ).toBeGreaterThan(0.5);
    expect(
      paMpjpe(
        body((x, y) => [-x, y]),
        wanted,
      ).error,
    ).toBeGreaterThan(0.05);
  });

  it('the error of a face needs both corners of the eyes, apart from each other', () => {
    const sure = wanted.map((value, i) => (i % 3 === 2 ? 1 : value));
    expect([faceError(sure, sure), faceError(undefined, sure)]).toEqual([0, undefined]);
    const at = 3 * WHOLEBODY_JOINTS.indexOf('face-36');
    const corner = sure.with(at + 2, 0);
    expect(faceError(sure, corner)).toBeUndefined();
    const other = 3 * WHOLEBODY_JOINTS.indexOf('face-45');
    expect(faceError(sure, sure.with(at, sure[other]!).with(at + 1, sure[other + 1]!))).toBeUndefined();
  });

  it('joints that are not found are wrong, and no pose at all has them all missing', () => {
    const hands = near.map((value, i) => (i % 3 === 2 && WHOLEBODY_GROUPS[(i - 2) / 3] !== 'hands' ? 0 : value));
    const counts = pck(hands, wanted, { threshold: 1 });
    expect([counts.body.right, counts.face.right, counts.feet.right]).toEqual([0, 0, 0]);
    expect(counts.hands.right).toBe(counts.hands.joints);
    expect(counts.hands.joints).toBeGreaterThan(0);
    const all = mpjpe(undefined, wanted);
    expect(all).toEqual({ error: undefined, joints: 0, missing: mpjpe(near, wanted).joints });
    expect(oks(undefined, wanted)).toBe(0);
    expect(oks(hands, wanted)).toBeLessThan(oks(near, wanted) ?? 0);
  });

  it('a wanted pose without joints has no measure, and one of a single joint has finite ones', () => {
    const none = new Float32Array(399);
    expect([oks(near, none), pckShare(Object.values(pck(near, none))), mpjpe(near, none).error]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const nose = Float32Array.from({ length: 399 }, (_, i) => (i < 3 ? 1 : 0));
    expect([oks(nose, nose), mpjpe(nose, nose).error, paMpjpe(nose, nose).error]).toEqual([1, 0, 0]);
    expect(WHOLEBODY_JOINTS[0]).toBe('nose');
  });

  it('the precision is the mean share of poses above ten thresholds', () => {
    expect(oksPrecision([1, 0.72, 0.5, 0.1])).toBeCloseTo((10 + 5 + 1) / 40, 12);
    expect(oksPrecision([])).toBeUndefined();
  });
});
