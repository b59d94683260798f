import { describe, expect, it } from 'vitest';
import { BatchStream } from './batch-stream.ts';
import { type Cursor, EpochPlan } from './epoch-plan.ts';
import type { TrainingSource } from './source.ts';
import { tinySource } from './testing/tiny.ts';

const START: Cursor = { epoch: 0, position: 0 };

/** A source that records its calls, and may fail. */
function watch(source: TrainingSource) {
  const asked: (readonly number[])[] = [];
  const failures: Error[] = [];
  const watched: TrainingSource = {
    ...source,
    async load(positions) {
      asked.push(positions);
      const failure = failures.shift();
      if (failure) throw failure;
      return source.load(positions);
    },
  };
  return { watched, asked, failures };
}

async function follow(stream: BatchStream, cursor: Cursor, updates: number): Promise<string[][]> {
  const seen: string[][] = [];
  for (let i = 0, at = cursor; i < updates; i++) {
    const { items, next } = await stream.take(at);
    seen.push(items.map(({ id }) => id));
    at = next;
  }
  return seen;
}

describe('the batch stream', () => {
  it('the stream gives the updates of the plan across epochs, and loads each one once', async () => {
    const source = tinySource(10);
    const plan = new EpochPlan(source.index, 7, { batch_size: 4 });
    const expected: string[][] = [];
    for (let i = 0, at = START; i < 8; i++) {
      const { positions, next } = plan.take(at);
      expected.push(positions.map(position => source.index.ids[position] ?? ''));
      at = next;
    }
    const { watched, asked } = watch(source);
    const stream = new BatchStream(new EpochPlan(source.index, 7, { batch_size: 4 }), watched);
    expect(await follow(stream, START, 8)).toEqual(expected);
    expect(asked).toHaveLength(8 + 2);
  });

  it('the stream loads two updates ahead', async () => {
    const { watched, asked } = watch(tinySource(10));
    const stream = new BatchStream(new EpochPlan(watched.index, 7, { batch_size: 2 }), watched);
    await stream.take(START);
    expect(asked).toHaveLength(3);
  });

  it('an update that is ready is given without a second load', async () => {
    const { watched, asked } = watch(tinySource(10));
    const stream = new BatchStream(new EpochPlan(watched.index, 7, { batch_size: 2 }), watched);
    await stream.ready(START);
    expect(asked).toHaveLength(1);
    await stream.take(START);
    expect(asked).toHaveLength(3);
  });

  it('a failure reaches the caller that takes the update, and the next call loads the update again', async () => {
    const { watched, failures } = watch(tinySource(10));
    const plan = () => new EpochPlan(watched.index, 7, { batch_size: 2 });
    const expected = await follow(new BatchStream(plan(), watched), START, 2);
    const stream = new BatchStream(plan(), watched);
    failures.push(new Error('away'));
    await expect(stream.take(START)).rejects.toThrow('away');
    expect(await follow(stream, START, 2)).toEqual(expected);
  });

  it('the stream forgets updates that it loaded ahead when the cursor jumps', async () => {
    const { watched, asked } = watch(tinySource(10));
    const stream = new BatchStream(new EpochPlan(watched.index, 7, { batch_size: 2 }), watched);
    const first = await follow(stream, START, 1);
    await stream.take({ epoch: 3, position: 0 });
    expect(await follow(stream, START, 1)).toEqual(first);
    expect(asked.length).toBeGreaterThan(6);
  });

  it('the stream reads a picture once that an update has several times', async () => {
    const { watched, asked } = watch(tinySource(3));
    const stream = new BatchStream(new EpochPlan(watched.index, 7, { batch_size: 8 }), watched);
    const { items } = await stream.take(START);
    expect(items).toHaveLength(8);
    expect(asked[0]?.toSorted()).toEqual([0, 1, 2]);
  });
});
