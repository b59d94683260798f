import { expect, test } from 'vitest';
import type { ProgressUpdate } from '../jobs/context.ts';
import { createProgressGate } from './progress-gate.ts';

test('within a phase at most five per second go out, the first and the last of each always', () => {
  let now = 0;
  const sent: string[] = [];
  const gate = createProgressGate(
    (update: ProgressUpdate) => sent.push(`${update.phase} ${update.done}`),
    () => now,
  );
  for (let done = 0; done < 100; done++, now += 10) gate.update({ phase: 'train', done });
  expect(sent).toEqual(['train 0', 'train 20', 'train 40', 'train 60', 'train 80']);
  gate.update({ phase: 'write', done: 0 });
  expect(sent.slice(5)).toEqual(['train 99', 'write 0']);
  gate.update({ phase: 'write', done: 1 });
  gate.flush();
  expect(sent.slice(7)).toEqual([]);
  gate.flush(true);
  gate.flush(true);
  expect(sent.slice(7)).toEqual(['write 1']);
});
