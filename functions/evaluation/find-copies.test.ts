import { expect, test } from 'vitest';
import { findCopies } from './find-copies.ts';

/** Numbers on a line. */
const line = (...places: number[]) => ({ dim: 1, data: Float32Array.from(places) });

test('the next picture is the nearest one that is no near-duplicate, however many duplicates there are', () => {
  const duplicates = Array.from({ length: 20 }, (_, i) => 10 + i / 100);
  const training = line(...duplicates, 0, 20);
  const clusters = [...duplicates.map(() => 'ten'), 'zero', 'twenty'];
  const [copy, other] = findCopies({ pictures: line(10.5, 5), training, clusters });
  expect(copy?.index).toBe(19);
  expect(copy?.d2).toBeCloseTo(9.5, 5);
  expect(copy?.ratio).toBeCloseTo(0.31 / 9.5, 5);
  expect(other?.ratio).toBeGreaterThan(0.9);
});

test('without another cluster only an equal picture is a copy', () => {
  const task = { training: line(1, 1.1, 1.2), clusters: ['a', 'a', 'a'] };
  expect(findCopies({ ...task, pictures: line(1.05, 1) }).map(({ ratio, d2 }) => [ratio, d2])).toEqual([
    [1, undefined],
    [0, undefined],
  ]);
});
