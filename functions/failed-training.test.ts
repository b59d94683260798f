import { beforeEach, describe, expect, test } from 'vitest';
import { tellNotFinite } from '../configs/not-finite.ts';
import { Busy, StoreFull, Unprocessable } from '../errors.ts';
import { SYSTEM_CLOCK } from '../storage/clock.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import { acquireLease } from '../storage/names/lease.ts';
import { readHead } from './experiments/experiment-head.ts';
import { deleteExperiment } from './operations/delete-experiment.ts';
import { pauseExperiment } from './operations/pause-experiment.ts';
import { createTrainingLab, type TrainingLab } from './testing/training.ts';

let lab: TrainingLab;

beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
});

const train = (target?: number) =>
  lab.executor.callEffect('train', { experiment: 'toy', ...(target !== undefined && { target }) });
const headOf = async () => (await readHead(lab.store, 'toy')).value;
const fileOf = async (name: string) =>
  Buffer.from((await lab.store.get(`experiments/toy/${name}`))?.body ?? []).toString();

function breakAt(step: number, error: Error): void {
  lab.runner.onStep = now => (now === step ? Promise.reject(error) : undefined);
}

const DAMAGED = new Unprocessable('the page 0 is damaged', { expected: 'a whole page', hint: 'prepare it again' });

describe('a training that fails', () => {
  test('the head says failed, with the reason of the answer and the time', async () => {
    breakAt(6, DAMAGED);
    const before = Date.now();
    await expect(train()).rejects.toThrow(DAMAGED.message);
    const { state, problem, history } = await headOf();
    expect(state).toBe('failed');
    expect(problem).toMatchObject({ code: 'unprocessable', status: 422, text: DAMAGED.message, hint: DAMAGED.hint });
    expect(Date.parse(problem?.time ?? '')).toBeGreaterThanOrEqual(before);
    // What was done is kept.
    expect(history).toMatchObject([{ step: 4 }]);
  });

  test('README and index.json say it, too', async () => {
    breakAt(6, DAMAGED);
    await expect(train()).rejects.toThrow();
    const readme = await fileOf('README.md');
    expect(readme).toContain('Failed: step 4 of 16');
    for (const words of [DAMAGED.message, DAMAGED.expected, DAMAGED.hint]) expect(readme).toContain(words);
    expect(JSON.parse(await fileOf('index.json'))).toMatchObject({
      state: 'failed',
      problem: { code: 'unprocessable', text: DAMAGED.message, again: 'POST /experiments/toy/train' },
    });
  });

  test('the same call goes on with it, to the same bits, and says nothing of it afterwards', async () => {
    breakAt(6, DAMAGED);
    await expect(train()).rejects.toThrow();
    lab.runner.onStep = () => {};
    expect(await train()).toMatchObject({ state: 'done', step: 16 });
    expect(lab.runner.computed.filter(job => job !== 'sample')).toEqual([
      'train 0-4',
      'train 4-8',
      'train 8-12',
      'train 12-16',
    ]);
    expect(await headOf()).not.toHaveProperty('problem');
    expect(await fileOf('README.md')).not.toContain(DAMAGED.message);
  });

  test('pictures that are not finite end no training: its losses tell whether it learns', async () => {
    const { run } = lab.runner;
    lab.runner.run = (action, job, options) =>
      job.kind === 'sample' ? Promise.reject(tellNotFinite()) : run(action, job, options);
    expect(await train()).toMatchObject({ state: 'done', step: 16 });
    const { chunks } = await headOf();
    expect(chunks.map(({ artifacts }) => artifacts.preview)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('DELETE deletes a failed one at once', async () => {
    breakAt(2, DAMAGED);
    await expect(train()).rejects.toThrow();
    await deleteExperiment({ ...lab, now: Date.now }, 'toy');
    await expect(headOf()).rejects.toMatchObject({ status: 404 });
  });

  test('a pause of a failed one is a pause', async () => {
    breakAt(2, new Busy('no gpu-runner is reachable'));
    await expect(train()).rejects.toThrow();
    expect((await headOf()).state).toBe('failed');
    await pauseExperiment(lab, 'toy');
    const head = await headOf();
    expect(head.state).toBe('paused');
    expect(head).not.toHaveProperty('problem');
  });

  test('a second call that waits for it hears the same reason', async () => {
    const gate = Promise.withResolvers<void>();
    lab.runner.onStep = async step => {
      if (step !== 6) return;
      await gate.promise;
      throw DAMAGED;
    };
    const first = train();
    const second = train(64);
    const messages = Promise.allSettled([first, second]);
    await expect.poll(async () => (await headOf()).history.length).toBe(1);
    // Both are under way: one drives, the other has looked for the lease.
    await new Promise(resolve => setTimeout(resolve, 50));
    gate.resolve();
    expect((await messages).map(each => (each.status === 'rejected' ? each.reason.message : 'no error'))).toEqual([
      DAMAGED.message,
      DAMAGED.message,
    ]);
  });

  test('an error before the first step counts, too', async () => {
    const store = createMemoryStore();
    let full = false;
    const intercepted = interceptStore(store, async (call, run) => {
      if (full && call.operation === 'put' && call.key.startsWith('leases/')) throw new StoreFull('the disk is full');
      return run();
    });
    lab = createTrainingLab(intercepted);
    await lab.create('toy');
    full = true;
    await expect(train()).rejects.toThrow('the disk is full');
    expect(await headOf()).toMatchObject({ state: 'failed', problem: { code: 'store_full', status: 507 } });
  });

  test('an error leaves the state alone while another drives', async () => {
    breakAt(2, DAMAGED);
    const lease = await acquireLease(lab.store, 'toy', { holder: 'another host', clock: SYSTEM_CLOCK });
    const controller = new AbortController();
    let watching = false;
    const call = lab.executor.callEffect(
      'train',
      { experiment: 'toy' },
      {
        signal: controller.signal,
        onEvent: () => {
          watching = true;
        },
      },
    );
    await expect.poll(() => watching).toBe(true);
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    await lab.executor.close();
    expect((await headOf()).state).toBe('running');
    await lease.release();
  });

  test('an error of a driver that lost its lease leaves the state alone: another drives', async () => {
    const key = 'leases/experiments/toy.json';
    lab.runner.onStep = async step => {
      if (step !== 6) return;
      const lease = JSON.parse(Buffer.from((await lab.store.get(key))?.body ?? []).toString());
      // Its expiry has passed by the clock of this driver.
      const taken = { ...lease, holder: 'another host', expires_at: '2000-01-01T00:00:00.000Z' };
      await lab.store.put(key, Buffer.from(JSON.stringify(taken)));
      throw DAMAGED;
    };
    await expect(train()).rejects.toThrow(DAMAGED.message);
    expect((await headOf()).state).toBe('running');
  });
});

describe('several targets at once', () => {
  test('nine calls to three targets are each answered with at least their own, and the run ends at the farthest', async () => {
    const targets = [128, 160, 192, 128, 160, 192, 128, 160, 192];
    const labs = targets.map((_, i) => (i % 2 === 0 ? lab : createTrainingLab(lab.store)));
    const answers = await Promise.all(
      targets.map((target, i) => labs[i]?.executor.callEffect('train', { experiment: 'toy', target })),
    );
    for (const [i, target] of targets.entries()) {
      expect((answers[i] as { samples: number }).samples).toBeGreaterThanOrEqual(target);
    }
    expect(await headOf()).toMatchObject({ state: 'done', target: 192, history: expect.arrayContaining([]) });
    expect((await headOf()).history.at(-1)?.step).toBe(24);
  });

  test('a call to a nearer target is answered when it is reached, while the run goes on to the farther one', async () => {
    const gate = Promise.withResolvers<void>();
    lab.runner.onStep = step => (step === 5 ? gate.promise : undefined);
    const far = train(128);
    await expect.poll(async () => (await headOf()).history.length).toBe(1);
    expect(await train(32)).toMatchObject({ state: 'running', step: 4, target: 128 });
    gate.resolve();
    expect(await far).toMatchObject({ state: 'done', step: 16 });
  });

  test('a call whose target another call took back is a conflict that names the target in force', async () => {
    const other = createTrainingLab(lab.store);
    let shortened: Promise<unknown> = Promise.resolve();
    lab.runner.onStep = async step => {
      if (step !== 2) return;
      await pauseExperiment(lab, 'toy');
      shortened = other.executor.callEffect('train', { experiment: 'toy', target: 32 });
      await expect.poll(async () => (await headOf()).target).toBe(32);
    };
    await expect(train()).rejects.toMatchObject({ status: 409, message: expect.stringContaining('32 samples') });
    expect(await shortened).toMatchObject({ state: 'done', step: 4 });
  });
});
