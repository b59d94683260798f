import { describe, expect, it } from 'vitest';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Engine, State } from '../compiler/engine.ts';
import type { Graph } from '../compiler/graph.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import type { FrozenNets } from './load-state.ts';
import { openLosses } from './losses/losses.ts';
import { tinyConfig, tinySource } from './testing/tiny.ts';
import { TOY_LOSSES, toyTeacher } from './testing/toy-losses.ts';
import { EMPTY_PROGRESS, type StepReport, Trainer } from './trainer.ts';

const inner = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));

/** An engine that remembers the graphs it compiled and the states it created. */
function watchEngine(): { readonly engine: Engine; readonly graphs: Graph[]; readonly states: State[] } {
  const [graphs, states]: [Graph[], State[]] = [[], []];
  const engine: Engine = {
    ...inner,
    createState(tensors) {
      const state = inner.createState(tensors);
      states.push(state);
      return state;
    },
    compile(graph) {
      graphs.push(graph);
      return inner.compile(graph);
    },
  };
  return { engine, graphs, states };
}

const configOf = (losses: object) => tinyConfig({ objective: { losses } });

interface Options {
  readonly engine?: Engine;
  readonly microBatch?: number;
  readonly frozen?: FrozenNets;
}

function open(config: KeyedConfig, { engine, microBatch = 4, frozen = toyTeacher() }: Options = {}): Trainer {
  const losses = openLosses(config, TOY_LOSSES);
  const options = { losses, frozen };
  return new Trainer(
    engine ?? watchEngine().engine,
    config,
    tinySource(),
    microBatch,
    EMPTY_PROGRESS,
    undefined,
    options,
  );
}

async function train(trainer: Trainer, steps: number) {
  const reports: StepReport[] = [];
  for (let i = 0; i < steps; i++) reports.push(await trainer.step());
  return { reports, tensors: await trainer.tensors() };
}

describe('training with two losses', () => {
  it('a step reports each of two losses, and their weighted sum', async () => {
    const { reports } = await train(open(configOf({ alignment: { weight: 0.5, block: 1 } })), 2);
    for (const report of reports) {
      const { loss, 'loss/flow_matching': first, 'loss/alignment': second } = report;
      expect(Object.keys(report).filter(name => !/^(loss_t|grad_norm)\//.test(name))).toEqual([
        'step',
        'samples',
        'loss',
        'flow_loss',
        'loss/flow_matching',
        'loss/alignment',
        'weight/alignment',
        'learning_rate',
        'epoch',
        'grad_norm',
        'skipped',
      ]);
      expect(report).toMatchObject({ flow_loss: first, 'weight/alignment': 0.5 });
      expect(loss).toBeCloseTo((first ?? Number.NaN) + 0.5 * (second ?? Number.NaN), 5);
    }
  });

  it('training lowers the second loss', async () => {
    const config = tinyConfig({
      objective: { losses: { alignment: { weight: 1, block: 1 } } },
      optimizer: { learning_rate: 1e-2, total_samples: 4000, warmup_samples: 16 },
    });
    const { reports } = await train(open(config), 30);
    const values = reports.map(report => report['loss/alignment'] ?? Number.NaN);
    const mean = (part: readonly number[]) => part.reduce((sum, x) => sum + x, 0) / part.length;
    expect(mean(values.slice(-5))).toBeLessThan(0.8 * mean(values.slice(0, 5)));
  });

  it('a step with two losses in micro-batches equals a step in one batch', async () => {
    const config = configOf({ alignment: { weight: 0.5, block: 1 } });
    const [whole, split] = [await train(open(config), 3), await train(open(config, { microBatch: 2 }), 3)];
    for (const [i, report] of whole.reports.entries()) {
      for (const name of ['loss', 'loss/flow_matching', 'loss/alignment'] as const) {
        expect(split.reports[i]?.[name], name).toBeCloseTo(report[name] ?? Number.NaN, 4);
      }
    }
    const differences = Object.entries(whole.tensors.model).flatMap(([name, { data }]) =>
      Array.from(data, (x, i) => Math.abs(x - (split.tensors.model[name]?.data[i] ?? Number.NaN))),
    );
    expect(Math.max(...differences)).toBeLessThan(2e-4);
  });

  it('a training with two losses goes on from saved state to the same bits as without a stop', async () => {
    const config = configOf({ alignment: { weight: 0.5, block: 1 } });
    const whole = await train(open(config), 4);
    const first = open(config);
    const { tensors } = await train(first, 2);
    const losses = openLosses(config, TOY_LOSSES);
    const options = { losses, frozen: toyTeacher() };
    const engine = watchEngine().engine;
    const rest = await train(new Trainer(engine, config, tinySource(), 4, first.progress, tensors, options), 2);
    expect(rest.reports).toEqual(whole.reports.slice(2));
    expect(rest.tensors).toEqual(whole.tensors);
  });

  it('the reason of a skipped step names the loss that is not finite', async () => {
    const { reports } = await train(open(configOf({ endless: { weight: 1 } })), 1);
    expect(reports[0]).toMatchObject({ skipped: true, 'loss/endless': Number.NaN });
    expect(reports[0]?.['loss/flow_matching']).toBeGreaterThan(0);
    expect(reports[0]?.reason).toMatch(/^loss\/endless is NaN; not finite, from the loss backwards: /);
  });
});

it('a loss learns from a column that the model is not conditioned on', async () => {
  const config = tinyConfig({
    model: { conditions: {} },
    objective: { losses: { recall: { weight: 1, dim: 5 } } },
    optimizer: { learning_rate: 1e-2, total_samples: 4000, warmup_samples: 16 },
  });
  const { reports } = await train(open(config), 30);
  const [first, last] = [reports.slice(0, 5), reports.slice(-5)].map(part =>
    part.reduce((sum, report) => sum + (report['loss/recall'] ?? Number.NaN), 0),
  );
  expect(last).toBeLessThan(0.8 * (first ?? Number.NaN));
});

describe('a weight that changes over the run', () => {
  it('a changed weight takes effect without compiling another program', async () => {
    const { engine, graphs } = watchEngine();
    // 64 samples in all, 4 a step: the weight falls from the first step to the last.
    const trainer = open(configOf({ alignment: { weight: 0.5, block: 1, until: 0.999, ramp: 0.999 } }), { engine });
    const { reports } = await train(trainer, 4);
    const weights = reports.map(report => {
      const { loss, 'loss/flow_matching': first, 'loss/alignment': second } = report;
      return (loss - (first ?? Number.NaN)) / (second ?? Number.NaN);
    });
    const expected = [0, 4, 8, 12].map(samples => (0.5 * (0.999 - samples / 64)) / 0.999);
    expect(weights).toEqual(expected.map(x => expect.closeTo(x, 4)));
    expect(graphs.map(({ outputs }) => Object.keys(outputs)[0])).toEqual(['loss', 'grad_norm']);
  });

  it('a loss of weight 0 is not in the program', async () => {
    const { engine, graphs } = watchEngine();
    const trainer = open(configOf({ alignment: { weight: 0.5, block: 1, from: 0.125, until: 0.25 } }), { engine });
    const { reports } = await train(trainer, 6);
    expect(reports.map(report => 'loss/alignment' in report)).toEqual([false, false, true, true, false, false]);
    expect(reports.every(report => 'loss/flow_matching' in report)).toBe(true);
    const readsTeacher = ({ nodes }: Graph) =>
      nodes.some(({ op, attrs }) => op === 'state' && /^frozen/.test(nameOf(attrs)));
    expect(graphs.map(readsTeacher)).toEqual([false, false, true]);
  });

  it('a step at which no loss has a weight is refused', async () => {
    const trainer = open(configOf({ flow_matching: { weight: 1, until: 0.1 } }));
    await train(trainer, 2);
    await expect(trainer.step()).rejects.toThrow('no loss has a weight above 0 after 8 samples');
  });
});

const nameOf = (attrs: object): string => ('name' in attrs ? String(attrs.name) : '');

describe('a frozen net', () => {
  const config = configOf({ alignment: { weight: 0.5, block: 1 } });

  it('a frozen net keeps its bytes, has no moments and no averages, and is not saved', async () => {
    const { engine, states } = watchEngine();
    const { tensors } = await train(open(config, { engine }), 3);
    const [state] = states;
    const ofTeacher = (state?.names ?? []).filter(name => name.includes('teacher'));
    expect(ofTeacher).toEqual(['frozen.teacher.proj']);
    const after = await state?.read(ofTeacher);
    expect(after?.['frozen.teacher.proj']).toEqual(toyTeacher().teacher?.proj);
    const saved = Object.values(tensors).flatMap(group => Object.keys(group));
    expect(saved.filter(name => name.includes('teacher'))).toEqual([]);
    // The parameter of the loss is trained like all others.
    expect(saved.filter(name => name.includes('alignment'))).toEqual([
      'alignment.proj',
      'm.alignment.proj',
      'v.alignment.proj',
      '0.alignment.proj',
    ]);
  });

  it('another frozen net gives other losses and weights', async () => {
    const other = toyTeacher();
    other.teacher?.proj?.data.reverse();
    const [one, two] = [await train(open(config), 2), await train(open(config, { frozen: other }), 2)];
    expect(one.reports[0]?.['loss/alignment']).not.toBe(two.reports[0]?.['loss/alignment']);
    expect(one.tensors.model).not.toEqual(two.tensors.model);
  });

  it('a frozen net without the tensors that the loss reads is refused', () => {
    expect(() => open(config, { frozen: {} })).toThrow('the loss alignment needs the frozen net "teacher"');
    expect(() => open(config, { frozen: { teacher: {} } })).toThrow('the frozen net "teacher" has no tensor "proj"');
    const proj = { shape: [5, 108], dtype: 'f32' as const, data: new Float32Array(540) };
    expect(() => open(config, { frozen: { teacher: { proj } } })).toThrow('"proj" of shape [5, 108]');
  });
});
