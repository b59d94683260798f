import { expect, test } from 'vitest';
import { NormHistory } from './norm-history.ts';

function historyOf(norms: readonly number[], factor = 10): NormHistory {
  const history = new NormHistory(factor);
  for (const norm of norms) history.add(norm);
  return history;
}
const repeat = (norm: number, count: number) => new Array<number>(count).fill(norm);

test('the limit is a multiple of the median of the last 64 norms, and infinite before there are 16', () => {
  expect(historyOf(repeat(2, 15)).limit).toBe(Number.POSITIVE_INFINITY);
  expect(historyOf(repeat(2, 16)).limit).toBe(20);
  expect(historyOf([...repeat(1, 8), ...repeat(3, 8)]).limit).toBe(20);
  expect(historyOf([...repeat(100, 40), ...repeat(2, 64)]).limit).toBe(20);
  expect(historyOf(repeat(2, 16), 2.5).limit).toBe(5);
});

test('large norms raise the limit only when they are half of the last ones', () => {
  const usual = repeat(1, 64);
  expect(historyOf([...usual, ...repeat(1000, 31)]).limit).toBe(10);
  expect(historyOf([...usual, ...repeat(1000, 33)]).limit).toBe(10_000);
});

test('a norm that is not finite is not remembered', () => {
  const history = historyOf([...repeat(1, 16), Number.NaN, Number.POSITIVE_INFINITY]);
  expect(history.tensor).toEqual(historyOf(repeat(1, 16)).tensor);
});

test.each([0, 3, 16, 64, 200])('a history of %i norms goes on from its tensor', count => {
  const norms = Array.from({ length: count }, (_, i) => Math.fround(1 + Math.sin(i)));
  const history = historyOf(norms);
  const again = new NormHistory(10, history.tensor);
  expect(again.tensor).toEqual(history.tensor);
  expect(again.limit).toBe(history.limit);
  for (const each of [history, again]) each.add(7);
  expect(again.tensor).toEqual(history.tensor);
});
