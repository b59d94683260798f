import { expect, test } from 'vitest';
import type { Job, RunnerClient } from '../gpu-runner/protocol.ts';
import { digestOf } from '../storage/digest.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

const [a, b, heads] = [digestOf('a'), digestOf('b'), digestOf('heads')];
const ENGINE = { name: 'onnxruntime/cpu', precision: 'bf16', threads: 1 } as const;
const BODY = { a, b, weights: { heads: [heads] }, engine: ENGINE };

/** A runner that notes its jobs. */
function createNotingLab(jobs: Job[]): PictureLab {
  const runner: Pick<RunnerClient, 'run'> = {
    async run(_, job) {
      jobs.push(job);
      return { outputs: { distances: await lab.blobs.put(Buffer.from('npy')) }, links: [], stats: { items: 2 } };
    },
  };
  const status: RunnerClient['status'] = async () => ({
    ...{ v: 1, pid: 1, uptime: 1, device: 'fake', heartbeat_age_ms: 0, running: null },
    ...{ queued: 0, finished: 0, stopping: false, engines: [{ name: ENGINE.name, available: true, threads: 1 }] },
  });
  const lab = createPictureLab({ runner: { ...runner, status } });
  return lab;
}

test('distance is computed in f32 on the engine of the call, by LPIPS of AlexNet unless the call names a net', async () => {
  const jobs: Job[] = [];
  const { blobs, executor } = createNotingLab(jobs);
  for (const name of ['a', 'b', 'heads']) await blobs.put(Buffer.from(name));
  const made = await executor.call('distance', BODY);
  const engine = { ...ENGINE, precision: 'f32' };
  expect(jobs).toEqual([{ kind: 'distance', net: 'lpips-alex', a, b, weights: { heads: [heads] }, engine }]);
  expect(outputOf(made, 'distances')).toBe(digestOf('npy'));
  expect((await executor.call('distance', BODY)).cache).toBe('hit');
  expect(jobs.length).toBe(1);
});

test.each([
  [{ ...BODY, engine: undefined }, 'engine is missing'],
  [{ ...BODY, net: 'lpips-resnet' }, 'net'],
  [{ ...BODY, weights: undefined }, 'weights'],
])('a call without what it needs is refused: %j', async (body, text) => {
  const { blobs, executor } = createNotingLab([]);
  for (const name of ['a', 'b']) await blobs.put(Buffer.from(name));
  await expect(executor.call('distance', JSON.parse(JSON.stringify(body)))).rejects.toThrow(text);
});
