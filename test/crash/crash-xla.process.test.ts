/** @file A training on XLA in real processes: the gpu-runner is killed, and the same call ends with the same bytes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { putToyDataset } from '../../functions/testing/training.ts';
import { probeXla } from '../../gpu-runner/engines/xla/probe.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { openSite, type Site } from '../site/open-site.ts';
import { LAST_STEP, smallExperiment } from '../site/small-experiment.ts';
import { runsTier } from '../tiers.ts';
import { takesAll } from '../whole-suite.ts';

const runs = takesAll('kills of a gpu-runner on XLA') && runsTier('xla', (await probeXla('cpu')).reason);

describe.skipIf(!runs)('on xla/cpu', () => {
  let site: Site;
  let dataset: string;
  beforeAll(async () => {
    site = await openSite();
    dataset = await site.withStore(store => putToyDataset(createBlobStore(store), { count: 20, side: 32 }));
  });
  afterAll(() => site.close());

  async function create(name: string, chunk_steps: number): Promise<void> {
    const run = { chunk_steps, keep: 1, preview: { prompts: [] } };
    await site.expectJson(201, 'PUT', `/experiments/${name}`, {
      ...smallExperiment(dataset, run),
      engine: 'xla/cpu',
    });
  }

  const train = (name: string) => site.expectJson(200, 'POST', `/experiments/${name}/train`, {});

  test('after kill -9 of the gpu-runner during a training on XLA, the same call ends in the same checkpoint', async () => {
    await create('undisturbed', LAST_STEP);
    const { result } = await train('undisturbed');
    await create('killed', 4);
    await site.send('POST', '/experiments/killed/train', {}, { prefer: 'wait=0' });
    await site.waitForExperiment('killed', ({ step }) => step >= 4);
    site.kill(['runner']);
    await expect.poll(() => site.easel.restarts.runner, { timeout: 20_000 }).toBe(1);
    const again = await train('killed');
    expect(again.result).toMatchObject({ state: 'done', step: LAST_STEP, checkpoint: result.checkpoint });
    expect(again.result.chunks.length).toBe(6);
  }, 300_000);
});
