/**
 * @file A runner whose jobs need no engine. Like an engine, a step of a chunk blocks the main thread; then the chunk
 * breathes. The `checkpoint` is a text of every step and seed, so that a test can see which steps ran, and how often.
 */
import { appendFileSync } from 'node:fs';
import { BlobMissing, Unprocessable } from '../../errors.ts';
import type { JobContext, JobHandlers } from '../jobs/context.ts';
import { runRunnerProcess } from '../process/process.ts';

const stepMs = Number(process.env.FAKE_STEP_MS ?? 20);
const trace = process.env.FAKE_TRACE;

function note(line: string): void {
  if (trace !== undefined) appendFileSync(trace, `${line}\n`);
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

async function store(ctx: JobContext, text: string) {
  return await ctx.blobs.put(new TextEncoder().encode(text), 'text/plain');
}

const handlers: JobHandlers = {
  async 'train-chunk'(ctx, job) {
    note(`train ${job.from}`);
    let state = job.parent === undefined ? '' : new TextDecoder().decode(await ctx.blobs.get(job.parent));
    let step = job.from;
    while (step < job.to) {
      block(stepMs);
      state += `${step},`;
      step += 1;
      ctx.progress({ phase: 'train', done: step - job.from, total: job.to - job.from, metrics: { loss: 1 / step } });
      note(`step ${step}`);
      if ((await ctx.breathe()) === 'stop') break;
    }
    note('commit');
    // For a test, a commit of ten minutes never ends.
    if (process.env.FAKE_COMMIT === 'blocks') block(600_000);
    if (process.env.FAKE_COMMIT === 'slow') await new Promise(resolve => setTimeout(resolve, 5000));
    const checkpoint = await store(ctx, state);
    return { outputs: { checkpoint }, links: [], stats: {}, to: step };
  },

  async sample(ctx, job) {
    note(`sample ${job.seed}`);
    if (job.seed === 404) {
      const digest = 'checkpoint' in job.network ? job.network.checkpoint : job.network.config;
      throw new BlobMissing('the checkpoint is gone', { hint: 'train again', details: { digest } });
    }
    if (job.seed === 500) throw new TypeError('a defect');
    for (let step = 0; step < job.steps; step++) {
      block(stepMs);
      ctx.progress({ phase: 'sample', done: step + 1, total: job.steps });
      await ctx.breathe();
    }
    return { outputs: { pixels: await store(ctx, `pixels of seed ${job.seed}`) }, links: [], stats: {} };
  },

  async export() {
    throw new TypeError('no test exports');
  },

  async 'flow-loss'() {
    throw new Unprocessable('the fake runner has no loss');
  },

  async encode(_, job) {
    throw new Unprocessable(`the fake runner has no encoder ${job.encoder}`);
  },

  async distance(_, job) {
    throw new Unprocessable(`the fake runner has no net ${job.net}`);
  },

  async tune() {
    throw new Unprocessable('the fake runner measures no kernels');
  },

  async plan() {
    throw new Unprocessable('the fake runner has no planner');
  },

  async rate() {
    throw new Unprocessable('the fake runner has no engine to measure');
  },
};

await runRunnerProcess({
  handlers,
  openEngine: async spec => {
    throw new Error(`the fake runner has no engine ${spec.name}`);
  },
  probeEngines: async () => [{ name: 'onnxruntime/cpu', available: true, device: 'fake', version: '0', threads: 1 }],
  queueLimit: Number(process.env.FAKE_QUEUE_LIMIT ?? 16),
  stopDeadlineMs: Number(process.env.FAKE_STOP_DEADLINE_MS ?? 10_000),
});
