import { beforeAll, describe, expect, test } from 'vitest';
import { Conflict } from '../errors.ts';
import { readCheckpoint, readKeyedConfig } from '../storage/blobs/document-blobs.ts';
import { SYSTEM_CLOCK } from '../storage/clock.ts';
import { digestOf } from '../storage/digest.ts';
import { listRoots } from '../storage/gc/roots.ts';
import { blobKey } from '../storage/keys.ts';
import { acquireLease } from '../storage/names/lease.ts';
import { changeHead, readHead } from './experiments/experiment-head.ts';
import { keepChoices } from './experiments/tune-engine.ts';
import { branchExperiment } from './operations/branch-experiment.ts';
import { findExperimentFaults } from './testing/history.ts';
import { createTrainingLab, ENGINE, listKeys, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const LAST_STEP = 16;

async function finalCheckpoint(lab: TrainingLab, name = 'toy'): Promise<string> {
  const { value } = await readHead(lab.store, name);
  expect(value.state).toBe('done');
  expect(value.history.at(-1)?.step).toBe(LAST_STEP);
  return value.checkpoint ?? 'none';
}

async function trainUndisturbed(config: Readonly<Record<string, unknown>> = TOY_CONFIG): Promise<TrainingLab> {
  const lab = createTrainingLab();
  await lab.create('toy', config);
  await lab.executor.callEffect('train', { experiment: 'toy' });
  return lab;
}

/** The checkpoint that an undisturbed run ends with. */
let undisturbed: string;
beforeAll(async () => {
  undisturbed = await finalCheckpoint(await trainUndisturbed());
});

const withRun = (run: object) => ({ ...TOY_CONFIG, run: { ...TOY_CONFIG.run, ...run } });

describe('a run', () => {
  test('trains chunk by chunk to its target and writes its view', async () => {
    const lab = await trainUndisturbed();
    expect(lab.runner.computed).toEqual([
      'train 0-4',
      'sample',
      'train 4-8',
      'sample',
      'train 8-12',
      'sample',
      'train 12-16',
      'sample',
    ]);
    const ranges = ['0000000-0000004', '0000004-0000008', '0000008-0000012', '0000012-0000016'];
    expect(await listKeys(lab.store, 'experiments/toy/')).toEqual([
      'experiments/toy/README.md',
      'experiments/toy/checkpoints/step0000012.json',
      'experiments/toy/checkpoints/step0000016.json',
      'experiments/toy/config.yaml',
      'experiments/toy/index.json',
      ...ranges.map(range => `experiments/toy/log/${range}.jsonl`),
      ...[4, 8, 12, 16].flatMap(step => {
        const folder = `experiments/toy/previews/step${String(step).padStart(7, '0')}`;
        return [`${folder}/000.png`, `${folder}/index.json`];
      }),
      ...ranges.map(range => `experiments/toy/tensorboard/events.out.tfevents.${range}`),
    ]);
    const index = JSON.parse(Buffer.from((await lab.store.get('experiments/toy/index.json'))?.body ?? []).toString());
    expect(index).toMatchObject({ state: 'done', step: 16, steps: 16, samples: 128, target: 128 });
  });

  test('the same call again does nothing', async () => {
    const lab = await trainUndisturbed();
    const before = await readHead(lab.store, 'toy');
    const done = lab.runner.computed.length;
    await lab.executor.callEffect('train', { experiment: 'toy' });
    expect(lab.runner.computed.length).toBe(done);
    expect(await readHead(lab.store, 'toy')).toEqual(before);
  });

  test.each([1, 2, 3, 5, 8, 16])('chunks of %i steps end in the same checkpoint', async chunk_steps => {
    expect(await finalCheckpoint(await trainUndisturbed(withRun({ chunk_steps })))).toBe(undisturbed);
  });

  test('previews change no bit', async () => {
    const lab = await trainUndisturbed(withRun({ preview: { prompts: [] } }));
    expect(await finalCheckpoint(lab)).toBe(undisturbed);
    expect(lab.runner.computed).not.toContain('sample');
  });

  test('experiments with unlike plans compute their own chunks, and share previews of equal weights', async () => {
    const lab = await trainUndisturbed();
    lab.runner.computed.length = 0;
    await lab.create('cut', TOY_CONFIG, { ...ENGINE, micro_batch: 4, gradient_checkpointing: true });
    await lab.executor.callEffect('train', { experiment: 'cut' });
    expect((await readHead(lab.store, 'cut')).value.plan).toEqual({ micro_batch: 4, gradient_checkpointing: true });
    // The weights of the tests' runner do not depend on the plan.
    expect(await finalCheckpoint(lab, 'cut')).toBe(await finalCheckpoint(lab));
    expect(lab.runner.computed).toEqual(['train 0-4', 'train 4-8', 'train 8-12', 'train 12-16']);
  });

  test('two identical calls at once are one run', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    await Promise.all([1, 2, 3].map(() => lab.executor.callEffect('train', { experiment: 'toy' })));
    expect(lab.runner.computed.length).toBe(8);
  });

  test('tells its progress in steps of the whole run', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    const seen: string[] = [];
    await lab.executor.callEffect(
      'train',
      { experiment: 'toy' },
      { onEvent: ({ phase, done, total }) => void seen.push(`${phase} ${done}/${total}`) },
    );
    expect(seen).toEqual(expect.arrayContaining(['train 0/16', 'train 3/16', 'train 12/16', 'train 16/16']));
    expect(seen).not.toContain('train 4/4');
  });
});

describe('stopping and going on', () => {
  test('a chunk cut short by a shutdown counts, and the next one falls back in step', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    lab.runner.stopAfter = 6;
    await lab.executor.callEffect('train', { experiment: 'toy' });
    expect(lab.runner.computed.filter(job => job !== 'sample')).toEqual([
      'train 0-4',
      'train 4-6',
      'train 6-8',
      'train 8-12',
      'train 12-16',
    ]);
    expect(await finalCheckpoint(lab)).toBe(undisturbed);
  });

  test('a pause takes effect at the chunk border, and train goes on', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    lab.runner.onStep = async step => {
      if (step === 5) await changeHead(lab.store, 'toy', head => ({ ...head, state: 'paused' }));
    };
    const answer = await lab.executor.callEffect('train', { experiment: 'toy' });
    expect(answer).toMatchObject({ state: 'paused', step: 8 });
    lab.runner.onStep = () => {};
    await lab.executor.callEffect('train', { experiment: 'toy' });
    expect(await finalCheckpoint(lab)).toBe(undisturbed);
  });

  test('a cancelled call loses the chunk in flight and nothing else', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    const controller = new AbortController();
    lab.runner.onStep = async step => {
      if (step !== 6) return;
      controller.abort();
      await new Promise(setImmediate);
    };
    const call = lab.executor.callEffect('train', { experiment: 'toy' }, { signal: controller.signal });
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    await lab.executor.close();
    expect((await readHead(lab.store, 'toy')).value).toMatchObject({ state: 'paused', history: [{ step: 4 }] });
    const next = createTrainingLab(lab.store);
    await next.executor.callEffect('train', { experiment: 'toy' });
    expect(next.runner.computed[0]).toBe('train 4-8');
    expect(await finalCheckpoint(next)).toBe(undisturbed);
  });
});

describe('a head of version 1', () => {
  test('trains on to the same bits, and its previews stay', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
    await changeHead(lab.store, 'toy', ({ lineage: _, ...head }) => ({
      ...head,
      chunks: head.chunks.map(({ loss: _, record: __, ...rest }) => rest),
    }));
    const { value } = await readHead(lab.store, 'toy');
    const chunks = value.chunks.map(({ artifacts, ...chunk }) => ({ ...chunk, previews: artifacts.preview }));
    expect(chunks.map(({ previews }) => previews)).not.toContain(undefined);
    const { plan, pinned: _, ...rest } = value;
    const engine = { ...value.engine, micro_batch: plan.micro_batch };
    await lab.store.put('refs/experiments/toy.json', Buffer.from(JSON.stringify({ ...rest, v: 1, engine, chunks })));
    expect((await readHead(lab.store, 'toy')).value).toEqual(value);
    await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
    expect(await finalCheckpoint(lab)).toBe(undisturbed);
    expect((await readHead(lab.store, 'toy')).value.chunks.slice(0, 2)).toEqual(value.chunks);
    expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
  });
});

describe('the target', () => {
  test('a nearer one stops there; the run goes on to the old one with the same bits', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    expect(await lab.executor.callEffect('train', { experiment: 'toy', target: 40 })).toMatchObject({
      state: 'done',
      step: 5,
      target: 40,
    });
    await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
    expect(await finalCheckpoint(lab)).toBe(undisturbed);
  });

  test('a farther one lets the learning rate rise from where it fell to, and the head records it', async () => {
    const lab = createTrainingLab();
    // 16 updates of 8 samples. The rate falls from 64 samples on.
    const optimizer = { learning_rate: 1, total_samples: 128, warmup_samples: 32, decay_share: 0.5 };
    await lab.create('toy', { ...TOY_CONFIG, optimizer });
    const optimizerAtHead = async () => {
      const { value } = await readHead(lab.store, 'toy');
      const { config } = await readCheckpoint(lab.blobs, value.checkpoint ?? expect.fail());
      return (await readKeyedConfig(lab.blobs, config)).optimizer;
    };
    await lab.executor.callEffect('train', { experiment: 'toy', target: 96 });
    expect(await optimizerAtHead()).not.toHaveProperty('extended');
    const answer = await lab.executor.callEffect('train', { experiment: 'toy', target: 256 });
    const extended = [{ at: 96, learning_rate: 0.5 }];
    expect(answer).toMatchObject({ target: 256, extended });
    expect(await optimizerAtHead()).toMatchObject({ total_samples: 256, extended });
    // Whoever goes on from the same place goes on with the same record.
    const branch = { name: 'late', from: 'latest', config: {} } as const;
    await branchExperiment(lab, 'toy', branch);
    expect((await readHead(lab.store, 'late')).value.extended).toEqual(extended);
  });

  test('a farther one before the decay leaves the learning rate alone', async () => {
    const lab = createTrainingLab();
    const optimizer = { learning_rate: 1, total_samples: 128, warmup_samples: 32, decay_share: 0.5 };
    await lab.create('toy', { ...TOY_CONFIG, optimizer });
    await lab.executor.callEffect('train', { experiment: 'toy', target: 40 });
    await lab.executor.callEffect('train', { experiment: 'toy', target: 256 });
    expect((await readHead(lab.store, 'toy')).value).not.toHaveProperty('extended');
  });

  test('a farther one goes on under a new keyed config', async () => {
    const lab = await trainUndisturbed();
    const first = (await readHead(lab.store, 'toy')).value;
    await lab.executor.callEffect('train', { experiment: 'toy', target: 192 });
    const { value } = await readHead(lab.store, 'toy');
    expect(value).toMatchObject({ state: 'done', target: 192, config: first.config });
    const last = await readCheckpoint(lab.blobs, value.checkpoint ?? first.config);
    expect(last).toMatchObject({ step: 24, samples: 192 });
    expect((await readKeyedConfig(lab.blobs, last.config)).optimizer.total_samples).toBe(192);
    expect(lab.runner.computed.filter(job => job !== 'sample').slice(4)).toEqual(['train 16-20', 'train 20-24']);
  });

  test('one that is reached already changes nothing', async () => {
    const lab = await trainUndisturbed();
    const before = await readHead(lab.store, 'toy');
    await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
    expect(await readHead(lab.store, 'toy')).toEqual(before);
  });

  test('one at which the run was paused ends the run, and computes nothing', async () => {
    const lab = await trainUndisturbed();
    const before = (await readHead(lab.store, 'toy')).value;
    const { computed } = lab.runner;
    const jobs = computed.length;
    await changeHead(lab.store, 'toy', head => ({ ...head, state: 'paused' }));
    expect(await lab.executor.callEffect('train', { experiment: 'toy' })).toMatchObject({ state: 'done', step: 16 });
    expect((await readHead(lab.store, 'toy')).value).toEqual(before);
    expect(computed).toHaveLength(jobs);
  });

  test('one that is reached already is answered at once, though another drives on to its own', async () => {
    const lab = await trainUndisturbed();
    await changeHead(lab.store, 'toy', head => ({ ...head, target: 256, state: 'running' }));
    await acquireLease(lab.store, 'toy', { holder: 'another host', clock: SYSTEM_CLOCK });
    const answer = await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
    expect(answer).toMatchObject({ state: 'running', step: 16, target: 256 });
  });

  test('a farther one, given while it trains, is taken up at the next border', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    let other: Promise<unknown> = Promise.resolve();
    lab.runner.onStep = async step => {
      if (step !== 6) return;
      other = lab.executor.callEffect('train', { experiment: 'toy', target: 160 });
      await expect.poll(async () => (await readHead(lab.store, 'toy')).value.target).toBe(160);
    };
    expect(await lab.executor.callEffect('train', { experiment: 'toy' })).toMatchObject({ state: 'done', step: 20 });
    expect(await other).toMatchObject({ state: 'done', step: 20, target: 160 });
  });
});

describe('pruning', () => {
  test('a long run takes no more of the store than a short one', async () => {
    const tensorsOf = async (total_samples: number) => {
      const lab = createTrainingLab();
      await lab.create('toy', { ...TOY_CONFIG, optimizer: { ...TOY_CONFIG.optimizer, total_samples } });
      await lab.executor.callEffect('train', { experiment: 'toy' });
      const heads = await Promise.all((await listKeys(lab.store, 'cas/')).map(key => lab.store.get(key)));
      return heads.filter(object => /^(model|optimizer|ema) sha256/.test(Buffer.from(object?.body ?? []).toString()))
        .length;
    };
    // The newest and the one before it, three groups each.
    expect(await tensorsOf(96)).toBe(6);
    expect(await tensorsOf(960)).toBe(6);
  });

  test('keeps what another experiment keeps', async () => {
    const lab = createTrainingLab();
    await lab.create('other');
    await lab.executor.callEffect('train', { experiment: 'other', target: 64 });
    const { value } = await readHead(lab.store, 'other');
    await lab.create('toy');
    await lab.executor.callEffect('train', { experiment: 'toy' });
    expect((await readHead(lab.store, 'toy')).value.history.map(kept => kept.step)).toEqual([12, 16]);
    for (const { checkpoint } of value.history) expect(await lab.blobs.head(checkpoint)).toBeDefined();
    await lab.executor.callEffect('train', { experiment: 'other', target: 128 });
    expect(await finalCheckpoint(lab, 'other')).toBe(await finalCheckpoint(lab, 'toy'));
  });

  test('an equal experiment trains again what was pruned, to the same bits', async () => {
    const lab = await trainUndisturbed();
    await lab.create('twin');
    await lab.executor.callEffect('train', { experiment: 'twin' });
    expect(await finalCheckpoint(lab, 'twin')).toBe(await finalCheckpoint(lab));
  });
});

describe('a blob that went missing', () => {
  test.each(['model', 'optimizer', 'ema'] as const)('%s tensors of the head are made again', async group => {
    const lab = createTrainingLab();
    await lab.create('toy');
    await lab.executor.callEffect('train', { experiment: 'toy', target: 96 });
    const { value } = await readHead(lab.store, 'toy');
    const manifest = await readCheckpoint(lab.blobs, value.checkpoint ?? value.config);
    for (const digest of manifest.tensors[group]) await lab.store.delete(blobKey(digest));
    // Another server: it remembers nothing.
    const next = createTrainingLab(lab.store);
    await next.executor.callEffect('train', { experiment: 'toy', target: 128 });
    expect(await finalCheckpoint(next)).toBe(undisturbed);
  });

  test('all checkpoints gone: it starts over', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    await lab.executor.callEffect('train', { experiment: 'toy', target: 96 });
    for (const { checkpoint } of (await readHead(lab.store, 'toy')).value.history) {
      await lab.store.delete(blobKey(checkpoint));
    }
    const next = createTrainingLab(lab.store);
    await next.executor.callEffect('train', { experiment: 'toy', target: 128 });
    expect(await finalCheckpoint(next)).toBe(undisturbed);
  });

  test('a dataset that is gone is no reason to train again', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
    const before = (await readHead(lab.store, 'toy')).value;
    await lab.store.delete(blobKey(before.dataset));
    const call = lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
    await expect(call).rejects.toMatchObject({ status: 404 });
    expect((await readHead(lab.store, 'toy')).value.history).toEqual(before.history);
  });
});

describe('the lease', () => {
  const clock = SYSTEM_CLOCK;

  test('while another drives, a call watches, and takes over when it is gone', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    const other = await acquireLease(lab.store, 'toy', { holder: 'another host', clock });
    const messages: string[] = [];
    const call = lab.executor.callEffect(
      'train',
      { experiment: 'toy' },
      { onEvent: ({ message }) => void messages.push(message ?? '') },
    );
    await expect.poll(() => messages).toContain('driven by another host');
    expect(lab.runner.computed).toEqual([]);
    await other.release();
    await call;
    await finalCheckpoint(lab);
  });

  test('a watching call ends when the other has finished', async () => {
    const lab = await trainUndisturbed();
    await changeHead(lab.store, 'toy', head => ({ ...head, target: 256, state: 'running' }));
    await acquireLease(lab.store, 'toy', { holder: 'another host', clock });
    let watching = false;
    const onEvent = () => {
      watching = true;
    };
    const call = lab.executor.callEffect('train', { experiment: 'toy' }, { onEvent });
    await expect.poll(() => watching).toBe(true);
    await changeHead(lab.store, 'toy', head => ({ ...head, state: 'paused' }));
    expect(await call).toMatchObject({ state: 'paused', step: 16 });
  });

  test('a holder of this machine that is dead is replaced at once', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    // Its own holder, as a process that does not exist would have written it.
    lab.runner.onStep = () => Promise.reject(new Error('killed'));
    await expect(lab.executor.callEffect('train', { experiment: 'toy' })).rejects.toThrow();
    const key = 'leases/experiments/toy.json';
    const lease = JSON.parse(Buffer.from((await lab.store.get(key))?.body ?? []).toString());
    const dead = { ...lease, holder: lease.holder.replace(/^pid \d+/, 'pid 4194305') };
    expect(dead.holder).toMatch(/^pid 4194305 of /);
    await lab.store.put(key, Buffer.from(JSON.stringify({ ...dead, expires_at: '2999-01-01T00:00:00.000Z' })));
    lab.runner.onStep = () => {};
    await lab.executor.callEffect('train', { experiment: 'toy' });
    await finalCheckpoint(lab);
  });

  test('a driver whose experiment was moved by another stops with a conflict', async () => {
    const lab = createTrainingLab();
    await lab.create('toy');
    lab.runner.onStep = async step => {
      if (step !== 6) return;
      await changeHead(lab.store, 'toy', ({ checkpoint: _, ...head }) => ({ ...head, history: [], chunks: [] }));
    };
    await expect(lab.executor.callEffect('train', { experiment: 'toy' })).rejects.toThrow(Conflict);
  });
});

describe('kernels of a GPU', () => {
  const GPU = { name: 'xla/cuda', precision: 'bf16', threads: 1 } as const;

  /** A training on a GPU that has not begun. */
  async function createOnGpu(lab: TrainingLab, name: string): Promise<void> {
    await lab.create(name);
    await changeHead(lab.store, name, head => ({ ...head, engine: GPU }));
  }

  test('kernels are measured once, before the first step, and are part of the engine of every chunk', async () => {
    const lab = createTrainingLab();
    await createOnGpu(lab, 'toy');
    await lab.executor.callEffect('train', { experiment: 'toy' });
    await finalCheckpoint(lab);
    expect(lab.runner.computed.slice(0, 2)).toEqual(['tune', 'train 0-4']);
    const { engine, history } = (await readHead(lab.store, 'toy')).value;
    const { autotune } = engine;
    expect(engine).toEqual({ ...GPU, autotune: expect.stringMatching(/^sha256:/) });
    const results = await Promise.all(
      history.map(async ({ result }) => {
        const key = `actions/train-chunk/${result.replace('sha256:', '')}.json`;
        return JSON.parse(Buffer.from((await lab.store.get(key))?.body ?? []).toString());
      }),
    );
    expect(results.map(({ action }) => action.engine)).toEqual(results.map(() => engine));
    // As long as the experiment needs them, gc keeps them.
    const keys: string[] = [];
    for await (const { links } of listRoots(lab.store)) keys.push(...links.map(({ digest }) => digest));
    expect(keys).toContain(autotune);
  });

  test('an equal experiment on an equal device takes the kernels that were measured, and has equal bits', async () => {
    const lab = createTrainingLab();
    for (const name of ['toy', 'again']) {
      await createOnGpu(lab, name);
      await lab.executor.callEffect('train', { experiment: name });
    }
    expect(lab.runner.computed.filter(each => each === 'tune')).toHaveLength(1);
    expect(await finalCheckpoint(lab, 'again')).toBe(await finalCheckpoint(lab));
  });

  test('a training that allows bits to differ, and one that has begun, keep their engine', async () => {
    const lab = createTrainingLab();
    await createOnGpu(lab, 'free');
    await changeHead(lab.store, 'free', head => ({ ...head, engine: { ...GPU, deterministic: false as const } }));
    await lab.executor.callEffect('train', { experiment: 'free' });
    await lab.create('begun');
    await lab.executor.callEffect('train', { experiment: 'begun' });
    await changeHead(lab.store, 'begun', head => ({ ...head, engine: GPU }));
    await lab.executor.callEffect('train', { experiment: 'begun', target: 256 });
    expect(lab.runner.computed).not.toContain('tune');
    expect((await readHead(lab.store, 'begun')).value.engine).toEqual(GPU);
  });

  test('an experiment cannot name kernels that are not stored', async () => {
    const lab = createTrainingLab();
    await expect(keepChoices(lab.blobs, { ...GPU, autotune: digestOf('nothing') })).rejects.toThrow('are not stored');
    const { digest } = await lab.blobs.put(Buffer.from('kernels'));
    await keepChoices(lab.blobs, { ...GPU, autotune: digest });
    await keepChoices(lab.blobs, GPU);
  });
});
