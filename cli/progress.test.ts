import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { expect, test } from 'vitest';
import { createEta, formatDuration, formatNumber } from './eta.ts';
import { createProgressView } from './progress.ts';

test('the time left follows the speed of the last minute and restarts with each phase', () => {
  let now = 0;
  const eta = createEta(() => now);
  expect(eta.update('train', 100, 1000)).toBeUndefined();
  now = 10_000;
  expect(eta.update('train', 200, 1000)).toBe(80);
  for (let i = 0; i < 60; i++) {
    now += 2000;
    eta.update('train', 200 + i, 1000);
  }
  now += 1000;
  expect(eta.update('train', 260, 1000)).toBeCloseTo((740 * 59) / 30, -2);
  expect(eta.update('write', 5, 10)).toBeUndefined();
  now += 1000;
  expect(eta.update('write', 5, 10)).toBeUndefined();
  expect(eta.update('write', 10, 10)).toBe(0);
});

test('durations and numbers are printed short', () => {
  expect([0, 59.4, 60, 184, 3600, 86_399].map(formatDuration)).toEqual([
    '0s',
    '59s',
    '1m00s',
    '3m04s',
    '1h00m',
    '23h59m',
  ]);
  expect([3, 0.123456, 160.25, 0.00001234, 0, 123456.7].map(formatNumber)).toEqual([
    '3',
    '0.1235',
    '160.3',
    '1.23e-5',
    '0',
    '1.23e+5',
  ]);
});

/** What was written, as one text. */
function capture(isTTY: boolean): { stream: WriteStream; text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const tty = { isTTY, columns: 120, cursorTo: () => true, clearLine: () => true, moveCursor: () => true };
  return { stream: Object.assign(stream, tty) as unknown as WriteStream, text: () => chunks.join('') };
}

test('without a terminal, progress is a line every five seconds, at each phase and message, and at the end', () => {
  let now = 0;
  const { stream, text } = capture(false);
  const view = createProgressView(stream, () => now);
  for (let done = 0; done <= 10; done++, now += 1000) {
    view.update({
      phase: 'train',
      done,
      total: 10,
      unit: 'steps',
      metrics: { loss: 1 / (done + 1), samples_per_second: 64 },
    });
  }
  view.update({ phase: 'preview', message: '4 pictures' });
  expect(text().split('\n')).toEqual([
    'train 0/10 steps  loss 1  samples/s 64',
    'train 5/10 steps  loss 0.1667  samples/s 64  ETA 5s',
    'train 10/10 steps  loss 0.09091  samples/s 64',
    'preview  4 pictures',
    '',
  ]);
});

test('on a terminal a bar shows the count, the metrics and the time left', () => {
  let now = 0;
  const { stream, text } = capture(true);
  const view = createProgressView(stream, () => now);
  view.update({ phase: 'train', done: 0, total: 4, unit: 'steps' });
  now = 2000;
  view.update({ phase: 'train', done: 1, total: 4, unit: 'steps', metrics: { loss: 0.25 } });
  view.stop();
  expect(text()).toMatch(/train +\[.*\] 1\/4 steps {2}loss 0\.25 {2}ETA 6s/);
});

test('a line logged while a bar stands is printed, even if the bars stop at once', () => {
  const { stream, text } = capture(true);
  const view = createProgressView(stream, () => 0);
  view.update({ phase: 'train', done: 4, total: 4, unit: 'steps' });
  view.log('preview at 4 steps');
  view.stop();
  expect(text()).toContain('preview at 4 steps');
  expect(text().lastIndexOf('4/4 steps')).toBeGreaterThan(text().indexOf('preview at 4 steps'));
});
