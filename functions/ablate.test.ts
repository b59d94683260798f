import { beforeEach, expect, test } from 'vitest';
import { type GridResult, gridResultSchema } from '../configs/grid.ts';
import { sweepResultSchema } from '../configs/sweep.ts';
import { Conflict, InvalidInput, Unprocessable } from '../errors.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { createRefs } from '../storage/names/refs.ts';
import { chooseSubset } from './datasets/choose-subset.ts';
import { readConfig, readHead } from './experiments/experiment-head.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { dieAtWrite } from './testing/deaths.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  listKeys,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from './testing/training.ts';

const TOYS = { count: 8, heldOut: 2 };
let lab: TrainingLab;
let dataset: Digest;

beforeEach(async () => {
  lab = createTrainingLab();
  dataset = await putToyDataset(lab.blobs, TOYS);
  await createRefs(lab.store).datasets.create('toys', { v: 1, dataset });
});

/** 8 steps a run, in chunks of 4. */
const GRID = {
  name: 'grid',
  base: TOY_CONFIG,
  config: { run: { preview: { prompts: [] }, validation: { pictures: 2 } } },
  steps: 8,
  validate: null,
  seeds: [0],
  arms: { A: { config: { optimizer: { type: 'adamw' } } }, B: {} },
};

const ablate = async (grid: object = {}): Promise<GridResult> => {
  const body = { dataset: 'toys', grid: { ...GRID, ...grid }, engine: ASKED_ENGINE } as Json;
  return gridResultSchema.parse(await lab.executor.callEffect('ablate', body));
};
const trained = () => lab.runner.computed.filter(job => job.startsWith('train'));

test('a grid trains each arm with each seed, and tells what the runs reached', async () => {
  lab.runner.metrics = { 'sys/iter_per_sec': 2, 'sys/cpu_seconds_per_iter': 0.75, 'memory/rss_gb': 3 };
  const { runs, report } = await ablate({ seeds: [0, 1] });
  expect(runs.map(({ experiment }) => experiment)).toEqual(['grid-a-0', 'grid-b-0', 'grid-a-1', 'grid-b-1']);
  expect(trained()).toEqual(Array(4).fill(['train 0-4', 'train 4-8']).flat());
  // The loss of the tests' runner is 1 / step: the last tenth is step 8 alone.
  const reached = {
    steps: 8,
    samples: 64,
    seconds: 4,
    processor_seconds: 6,
    steps_per_second: 2,
    memory_gb: 3,
    loss: 1 / 8,
  };
  for (const run of runs) {
    expect(run).toMatchObject({ state: 'done', ...reached, held_out_loss: expect.any(Number) });
  }
  expect(report).toMatchObject({ sentence: expect.any(String), folder: 'reports/grid/' });
  const config = await readConfig(lab.blobs, (await readHead(lab.store, 'grid-a-1')).value);
  expect([config.seed, config.optimizer.type]).toEqual([1, 'adamw']);
});

test('a base that is a recipe without a size is trained at one for the pictures of the dataset', async () => {
  await ablate({ base: 'seed', steps: 1, arms: { A: {} } });
  const config = await readConfig(lab.blobs, (await readHead(lab.store, 'grid-a-0')).value);
  expect(config.model).toMatchObject({ arch: 'cross', hidden_size: 128, patch_size: 4 });
});

test('an arm whose model cannot be asked any test of the validation goes on without one', async () => {
  const { runs } = await ablate({ arms: { A: {} }, validate: { tests: ['pose'] } });
  expect(runs.map(({ state }) => state)).toEqual(['done']);
});

test('the same call of a grid again trains nothing, and answers the same', async () => {
  const first = await ablate();
  const jobs = lab.runner.computed.length;
  expect(await ablate()).toEqual(first);
  expect(lab.runner.computed).toHaveLength(jobs);
});

test('a grid that was stopped goes on where it was', async () => {
  lab.runner.onStep = step => {
    if (step === 5 && trained().length === 1) throw new Unprocessable('the power is gone');
  };
  await expect(ablate()).rejects.toThrow('the power is gone');
  lab.runner.onStep = () => {};
  const { runs } = await ablate();
  expect(runs.map(({ state }) => state)).toEqual(['done', 'done']);
  expect(trained()).toHaveLength(4);
});

test('a grid is validated, and answers its questions', async () => {
  const questions = [{ question: 'Is B better?', base: 'A', arm: 'B', measures: ['held_out_loss', 'reconstruction'] }];
  const { runs, report } = await ablate({ validate: { count: 2 }, questions });
  const { value } = await readHead(lab.store, 'grid-b-0');
  expect(value.chunks.at(-1)?.artifacts.suite).toMatch(/^sha256:/);
  expect(runs).toHaveLength(2);
  const { answers } = JSON.parse(Buffer.from(await lab.blobs.get(report.report as Digest)).toString());
  expect(answers[0].sentences).toHaveLength(2);
  expect(answers[0].sentences.join(' ')).not.toContain('not measured');
});

test('a grid whose process is killed at a write ends as one that was not, when it is called again', async () => {
  const grid = { ...GRID, steps: 4, validate: { count: 1 } };
  const body = { dataset: 'toys', grid, engine: ASKED_ENGINE } as Json;
  const objects: MemoryObjects = new Map();
  const start = createTrainingLab(createMemoryStore(objects));
  await createRefs(start.store).datasets.create('toys', { v: 1, dataset: await putToyDataset(start.blobs, TOYS) });
  const untouched = new Map(objects);
  const expected = await start.executor.callEffect('ablate', body);
  const count = objects.size - untouched.size;
  for (const share of [0.3, 0.8]) {
    const store = createMemoryStore(new Map(untouched));
    const killed = createTrainingLab(dieAtWrite(store, Math.round(share * count)));
    await expect(killed.executor.callEffect('ablate', body)).rejects.toThrow();
    // The next call would wait until the leases of the dead process are over.
    for (const key of await listKeys(store, 'leases/')) await store.delete(key);
    expect(await createTrainingLab(store).executor.callEffect('ablate', body)).toEqual(expected);
  }
});

test('a question whose measure has no such name is refused before anything is created', async () => {
  const questions = [{ question: 'Better?', base: 'A', arm: 'B', measures: ['Held-out loss'] }];
  await expect(ablate({ questions })).rejects.toThrow(/name of a measure/);
  expect(await createRefs(lab.store).experiments.list()).toEqual([]);
});

test('more seeds of a grid train these alone', async () => {
  await ablate();
  await ablate({ seeds: [0, 1] });
  expect(trained()).toHaveLength(8);
});

test('an arm that diverges is a result, and is not trained again', async () => {
  lab.runner.logOf = step => ({ loss: step < 4 ? 1 : 1e9 });
  const { runs } = await ablate();
  expect(runs.map(({ state }) => state)).toEqual(['failed', 'failed']);
  expect(runs[0]?.problem).toContain('diverged');
  const jobs = lab.runner.computed.length;
  await ablate();
  expect(lab.runner.computed).toHaveLength(jobs);
});

test('a grid whose names are taken by other configs is refused before anything is trained', async () => {
  await ablate();
  const error = await ablate({ steps: 16 }).catch(error => error);
  expect(error).toBeInstanceOf(Conflict);
  expect(error.hint).toBe('another --name begins anew; `easel delete grid-a-0` forgets the earlier run');
  expect(trained()).toHaveLength(4);
});

test('a grid of a dataset that has grown is refused, and says how to go on with the earlier pictures', async () => {
  const datasets = createRefs(lab.store).datasets;
  await ablate({ subset: 4, arms: { A: {} } });
  await ablate({ name: 'whole', arms: { A: {} } });
  await datasets.delete('toys');
  await datasets.create('toys', { v: 1, dataset: await putToyDataset(lab.blobs, { ...TOYS, count: 12 }) });
  const goesOn = 'goes on with the earlier pictures; another --name begins anew';
  await expect(ablate({ subset: 4 })).rejects.toMatchObject({ hint: `--dataset toys-4 --name grid ${goesOn}` });
  // The name means the new pictures now.
  const whole = ablate({ name: 'whole' });
  await expect(whole).rejects.toMatchObject({ hint: `--dataset ${dataset} --name whole ${goesOn}` });
  expect(trained()).toHaveLength(4);
});

test('an arm with a wrong key is refused with its name before anything is created', async () => {
  const arms = { A: {}, B: { config: { optimizer: { learning_rte: 1 } } } };
  await expect(ablate({ arms })).rejects.toThrow(InvalidInput);
  await expect(ablate({ arms })).rejects.toThrow(/^arm B: .*learning_rate/);
  expect(await createRefs(lab.store).experiments.list()).toEqual([]);
});

test('a dataset that holds out no picture is refused', async () => {
  const whole = await readDataset(lab.blobs, dataset);
  const { digest } = await lab.blobs.put(
    Buffer.from(JSON.stringify({ ...whole, counts: { pictures: 8, train: 8, val: 0 } })),
    'application/json',
  );
  const call = lab.executor.callEffect('ablate', { dataset: digest, grid: GRID, engine: ASKED_ENGINE } as Json);
  await expect(call).rejects.toThrow('holds out no picture');
});

test('a subset is a dataset with a name, on which all runs are trained', async () => {
  const { subset, dataset_name, dataset: used } = await ablate({ subset: 4 });
  expect([subset, dataset_name]).toEqual([{ size: 4, of: 6 }, 'toys-4']);
  expect((await readDataset(lab.blobs, used as Digest)).removed).toHaveLength(2);
  expect((await readHead(lab.store, 'grid-b-0')).value).toMatchObject({ dataset: used, dataset_name: 'toys-4' });
});

test('a recipe without a size is trained at one for the pictures of the subset, in a grid and in a sweep', async () => {
  const ids = Array.from({ length: 9 }, (_, i) => i.toString(16).padStart(16, '0'));
  const chosen = chooseSubset(ids, 4, 0);
  const sides = [...ids.map(id => (chosen.has(id) ? 64 : 16)), 16, 16];
  const sizes = sides.map(side => ({ width: side, height: side }));
  await createRefs(lab.store).datasets.delete('toys');
  const mixed = await putToyDataset(lab.blobs, { sizes, heldOut: 2 });
  await createRefs(lab.store).datasets.create('toys', { v: 1, dataset: mixed });
  await ablate({ base: 'seed', steps: 1, arms: { A: {} }, subset: 4 });
  const { best } = await sweep({ base: 'seed', steps: 1, set: { 'optimizer.learning_rate': [0.001] }, subset: 4 });
  for (const name of ['grid-a-0', best?.experiment ?? '']) {
    const { model } = await readConfig(lab.blobs, (await readHead(lab.store, name)).value);
    expect([name, model.hidden_size]).toEqual([name, 192]);
  }
});

test('with seconds, an arm takes the steps that its measured speed allows, and keeps them', async () => {
  lab.runner.metrics = { 'sys/iter_per_sec': 4 };
  const timed = { steps: undefined, seconds: 3, probe_steps: 4 };
  expect((await ablate(timed)).runs.map(({ steps }) => steps)).toEqual([12, 12]);
  expect(trained().slice(0, 4)).toEqual(['train 0-2', 'train 2-4', 'train 0-2', 'train 2-4']);
  lab.runner.metrics = { 'sys/iter_per_sec': 40 };
  const { runs } = await ablate({ ...timed, seeds: [0, 1] });
  expect(runs.map(({ steps }) => steps)).toEqual([12, 12, 12, 12]);
  await expect(ablate({ ...timed, seconds: 2 })).rejects.toThrow('have 12 steps, but 2 seconds allow 8');
});

const SWEEP = {
  name: 'rate',
  base: TOY_CONFIG,
  config: { run: { preview: { prompts: [] } } },
  steps: 16,
  first: 0.125,
  set: { 'optimizer.learning_rate': [0.001, 0.002, 0.004], 'data.batch_size': [4, 8] },
};
const sweep = async (changes: object = {}) => {
  const body = { dataset: 'toys', sweep: { ...SWEEP, ...changes }, engine: ASKED_ENGINE } as Json;
  return sweepResultSchema.parse(await lab.executor.callEffect('sweep', body));
};

test('a sweep halves its runs at each rung, and those with the smallest held-out loss go on', async () => {
  const { rungs, best, report } = await sweep();
  expect(rungs.map(({ runs }) => runs.length)).toEqual([6, 3, 2, 1]);
  expect(rungs.map(({ runs }) => runs[0]?.steps)).toEqual([2, 4, 8, 16]);
  for (const [k, { runs }] of rungs.entries()) {
    const losses = runs.map(({ held_out_loss }) => held_out_loss ?? Number.NaN);
    expect(losses).toEqual(losses.toSorted((a, b) => a - b));
    const going = runs.filter(({ goes_on }) => goes_on).map(({ experiment }) => experiment);
    expect(new Set(rungs[k + 1]?.runs.map(({ experiment }) => experiment) ?? [])).toEqual(new Set(going));
  }
  expect(best).toEqual({
    experiment: rungs.at(-1)?.runs[0]?.experiment,
    values: rungs.at(-1)?.runs[0]?.values,
  });
  expect(report).toMatchObject({ folder: 'reports/rate/' });
  expect(report.sentence).toContain('learning_rate=');
});

test('the winner of a sweep has the bits of a run that was never stopped', async () => {
  const { best } = await sweep({ config: { run: { chunk_steps: 16, preview: { prompts: [] } } } });
  const { value: winner } = await readHead(lab.store, best?.experiment ?? '');
  const config = await readConfig(lab.blobs, winner);
  const alone = createTrainingLab();
  const whole = { ...config, run: { ...config.run, chunk_steps: 16 } };
  const same = await putToyDataset(alone.blobs, TOYS);
  await createExperiment(alone, 'alone', { config: whole, dataset: same, engine: ASKED_ENGINE });
  await alone.executor.callEffect('train', { experiment: 'alone' });
  const { value: head } = await readHead(alone.store, 'alone');
  expect([winner.chunks.length, head.chunks.length]).toEqual([4, 1]);
  expect(winner.checkpoint).toBe(head.checkpoint);
});

test('the same call of a sweep again trains nothing, and one with more values trains only what is new', async () => {
  const first = await sweep();
  const jobs = trained().length;
  expect(await sweep()).toEqual(first);
  expect(trained()).toHaveLength(jobs);
  const { rungs } = await sweep({ set: { ...SWEEP.set, 'optimizer.learning_rate': [0.001, 0.002, 0.004, 0.008] } });
  expect(rungs[0]?.runs).toHaveLength(8);
  expect(trained().filter(job => job === 'train 0-2')).toHaveLength(8);
});

test('a sweep with other rungs takes the runs that were trained further by the losses beside its rungs', async () => {
  const { best } = await sweep();
  const { rungs } = await sweep({ first: 0.3125 });
  expect(rungs.map(({ runs }) => runs[0]?.steps)).toEqual([5, 7, 11, 16]);
  const losses = rungs.flatMap(({ runs }) => runs.map(({ held_out_loss }) => held_out_loss));
  expect(losses).not.toContain(null);
  const again = rungs[0]?.runs.find(({ experiment }) => experiment === best?.experiment);
  expect(again?.held_out_loss).toBeGreaterThan(0);
});

test('a run that diverges late in a sweep keeps its place at the earlier rungs', async () => {
  lab.runner.logOf = step => ({ loss: step < 6 ? 1 : 1e9 });
  const first = await sweep();
  expect(first.rungs[0]?.runs.every(({ held_out_loss }) => held_out_loss !== null)).toBe(true);
  const jobs = lab.runner.computed.length;
  expect(await sweep()).toEqual(first);
  expect(lab.runner.computed).toHaveLength(jobs);
});

test('a sweep of what it sets itself is refused before anything is created', async () => {
  await expect(sweep({ set: { seed: [0, 1] } })).rejects.toThrow(/states the seed/);
  await expect(sweep({ set: { 'optimizer.total_samples': [64, 128] } })).rejects.toThrow(/total_samples beside steps/);
  await expect(sweep({ set: { 'run.target': [64, 128] } })).rejects.toThrow(/run.target beside steps/);
  await expect(sweep({ set: { 'data.batch_size': [4, 4] } })).rejects.toThrow(/each value once/);
  await expect(sweep({ set: { optimizer: [{}], 'optimizer.type': ['muon'] } })).rejects.toThrow(/inside of another/);
  expect(await createRefs(lab.store).experiments.list()).toEqual([]);
});

test('a sweep in which all diverge has no best run', async () => {
  lab.runner.logOf = step => ({ loss: step < 2 ? 1 : 1e9 });
  const { rungs, best } = await sweep({ first: 0.75 });
  expect(best).toBeUndefined();
  expect(rungs.at(-1)?.runs.every(({ held_out_loss, goes_on }) => held_out_loss === null && !goes_on)).toBe(true);
});
