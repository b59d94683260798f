import { expect, test } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { readMetrics, readScalars } from './metrics.ts';

const blobs = createBlobStore(createMemoryStore());

async function putLog(rows: readonly object[]) {
  return (await blobs.put(Buffer.from(rows.map(row => `${JSON.stringify(row)}\n`).join('')))).digest;
}

test('rows of a log become columns; a number that was not finite is null, texts and lists are left out', async () => {
  const log = await putLog([
    { step: 1, loss: 0.5, skipped: false },
    { step: 2, loss: null, skipped: true, reason: 'the loss is NaN', suspects: ['a'], extra: 7 },
  ]);
  expect(await readMetrics(blobs, [{ to: 2, log, artifacts: {} }], 0, 10)).toEqual({
    series: { step: [1, 2], loss: [0.5, null], skipped: [0, 1], extra: [null, 7] },
  });
});

test('each loss is a separate column, null in steps that did not compute it', async () => {
  const log = await putLog([
    { step: 1, loss: 0.5, 'loss/flow_matching': 0.5 },
    { step: 2, loss: 0.75, 'loss/flow_matching': 0.5, 'loss/repa': 0.25 },
  ]);
  expect((await readMetrics(blobs, [{ to: 2, log, artifacts: {} }], 0, 10)).series).toMatchObject({
    loss: [0.5, 0.75],
    'loss/flow_matching': [0.5, 0.5],
    'loss/repa': [null, 0.25],
  });
});

test('TensorBoard gets each number under its tag, and none that has no tag', async () => {
  const row = {
    step: 2,
    samples: 8,
    loss: 0.75,
    'loss_t/0.2-0.4': 0.5,
    'loss/flow_matching': 0.5,
    'loss/repa': null,
    learning_rate: 0.1,
  };
  const more = { flow_loss: 0.5, 'weight/repa': 0.3, 'grad_norm/blocks.0': 1, 'size/8x8': 4, epoch: 0.5 };
  const log = await putLog([{ ...row, ...more, grad_norm: 2, skipped: false, active_tokens: 9, other: 1 }]);
  const metrics = { 'sys/mfu': 0.5, 'memory/rss_gb': 1 };
  expect(await readScalars(blobs, { to: 2, log, metrics, artifacts: {} })).toEqual([
    {
      step: 2,
      wallTime: 8,
      scalars: {
        'train/loss': 0.75,
        'train/grad_norm': 2,
        'train/learning_rate': 0.1,
        'train/skipped': 0,
        'train/loss_t/0.2-0.4': 0.5,
        'train/loss/flow_matching': 0.5,
        'train/flow_loss': 0.5,
        'train/weight/repa': 0.3,
        'train/epoch': 0.5,
        'gradients/blocks.0': 1,
        'data/size/8x8': 4,
        'sys/active_tokens': 9,
        'sys/mfu': 0.5,
        'memory/rss_gb': 1,
      },
    },
  ]);
});

test('metrics that are read in pieces contain every row once', async () => {
  const rows = Array.from({ length: 10 }, (_, i) => ({ step: i + 1 }));
  const logs = [
    { to: 4, log: await putLog(rows.slice(0, 4)), artifacts: {} },
    { to: 10, log: await putLog(rows.slice(4)), artifacts: {} },
  ];
  const seen: (number | null)[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const piece = await readMetrics(blobs, logs, after, 3);
    seen.push(...(piece.series.step ?? []));
    after = piece.next;
  }
  expect(seen).toEqual(rows.map(({ step }) => step));
});

test('an error names the line of a log that is not a row of metrics', async () => {
  const { digest } = await blobs.put(Buffer.from('{"loss":1}\n'));
  await expect(readMetrics(blobs, [{ to: 1, log: digest, artifacts: {} }], 0, 1)).rejects.toThrow(
    `line 1 of the log ${digest}`,
  );
});
