import { expect, it } from 'vitest';
import { memoryPlanSchema } from '../../configs/memory-plan.ts';
import type { ProgressEvent } from '../../configs/progress.ts';
import { Cancelled, InvalidInput } from '../../errors.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { PlanJob } from '../protocol.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import type { JobContext } from './context.ts';
import { createPlanJob } from './plan.ts';

async function setUp(breathe: JobContext['breathe'] = async () => 'continue') {
  const blobs = createBlobStore(createMemoryStore());
  const events: ProgressEvent[] = [];
  const unused = () => Promise.reject(new Error('a plan needs no engine and no data'));
  const progress = (event: ProgressEvent) => void events.push(event);
  const ctx: JobContext = { blobs, engine: unused, openSource: unused, progress, breathe };
  const job: PlanJob = {
    kind: 'plan',
    config: (await putDocument(blobs, tinyConfig())).digest,
    width: 16,
    height: 16,
    text_tokens: 8,
    previews: 1,
    engine: { name: 'openvino/cpu', precision: 'bf16' },
    version: 'OpenVINO 1',
    memory_bytes: 2 ** 30,
    reserve_bytes: 0,
    largest_micro_batch: 64,
  };
  return { ctx, job, blobs, events };
}

it('a plan is made in another process and stored', async () => {
  const { ctx, job, blobs, events } = await setUp();
  const { outputs } = await createPlanJob()(ctx, job);
  const bytes = await blobs.get(outputs.plan?.digest ?? job.config);
  const plan = memoryPlanSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  expect(plan).toMatchObject({ compiler: 'OpenVINO 1', fits: true, plan: { micro_batch: 4 } });
  expect(events.map(({ message }) => message)).toEqual(['the gradient, micro-batch 4', 'the optimizer']);
});

it('a mistake that the other process finds is thrown as it is', async () => {
  const { ctx, job } = await setUp();
  await expect(createPlanJob()(ctx, { ...job, card: 'rtx-4900' })).rejects.toBeInstanceOf(InvalidInput);
});

it.each([
  [{ optimizer: { freeze: ['nothing.*'] } }, 'optimizer.freeze: no parameter is named "nothing.*"'],
  [{ optimizer: { freeze: ['*'] } }, 'optimizer.freeze leaves no parameter to train'],
  [
    { model: { lora: { targets: ['head.nothing'] } } },
    'model.lora.targets: no matrix that can have an adapter is named',
  ],
])('a plan is refused with %j, whose patterns do not fit the model', async (config, message) => {
  const { ctx, job, blobs } = await setUp();
  const { digest } = await putDocument(blobs, tinyConfig(config));
  const engine = { name: 'reference', precision: 'f32' } as const;
  await expect(createPlanJob()(ctx, { ...job, config: digest, engine, micro_batch: 1 })).rejects.toThrow(message);
});

it('a plan ends at once when its job is cancelled or the runner stops', async () => {
  const cancelled = await setUp(async () => {
    throw new Cancelled('the plan job was cancelled');
  });
  await expect(createPlanJob()(cancelled.ctx, cancelled.job)).rejects.toThrow('was cancelled');
  const stopping = await setUp(async () => 'stop');
  await expect(createPlanJob()(stopping.ctx, stopping.job)).rejects.toThrow('the gpu-runner stops');
});
