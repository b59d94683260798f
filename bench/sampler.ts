/**
 * @file Time of a step of the sampler. The network runs in two forms, which take turns. One computes in each step what
 * the conditions decide. The other one gets it from a program that runs once before the steps
 * (gpu-runner/compiler/split-graph.ts). A whole sample then tells the share of its time outside the network.
 *
 * Weights are random. The net `seed` has 3 of the 18 blocks of the original plan, and 256 image tokens beside 512 of
 * text.
 *
 * `node bench/sampler.ts [--net demo,demo-cross,small,seed] [--batch 2] [--steps 8] [--engine onnxruntime/cpu]
 * [--precision f32] [--threads N] [--runs N] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { samplingSchema } from '../configs/sampling.ts';
import { type KeyedConfig, keyedConfigSchema } from '../configs/schema.ts';
import { SEED_CONDITIONS } from '../configs/seed-conditions.ts';
import type { Engine } from '../gpu-runner/compiler/engine.ts';
import { countFlops } from '../gpu-runner/compiler/flops.ts';
import { graphInputs, graphReads } from '../gpu-runner/compiler/graph.ts';
import { splitGraph } from '../gpu-runner/compiler/split-graph.ts';
import { wrapRuns } from '../gpu-runner/engines/testing/wrap-runs.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import type { BatchShape } from '../gpu-runner/model/batch.ts';
import { PARAM_PREFIX } from '../gpu-runner/model/params.ts';
import { STEP_INPUTS, tracePredictGraph } from '../gpu-runner/sampling/predict-graph.ts';
import { Sampler } from '../gpu-runner/sampling/sampler.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { MODEL_NETS, type ModelNet } from './model-nets.ts';
import { randomTensors } from './random-tensors.ts';
import { Contestant, takeTurns } from './timing.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'demo,demo-cross,small,seed' },
    batch: { type: 'string', default: '2' },
    steps: { type: 'string', default: '8' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});

const SEED: ModelNet = {
  config: keyedConfigSchema.parse({
    model: {
      arch: 'cross',
      hidden_size: 768,
      num_heads: 12,
      depth: 3,
      patch_size: 32,
      patch_overlap: 0,
      bottleneck: 256,
      conditions: { text: SEED_CONDITIONS.text, cls: SEED_CONDITIONS.cls },
    },
  }),
  shape: { batch: 1, height: 512, width: 512, textTokens: 512 },
};
const NETS: Readonly<Record<string, ModelNet>> = { ...MODEL_NETS, seed: SEED };

/** Milliseconds of a sample by Euler steps with cfg, and those of them that the network runs. */
async function timeSample(engine: Engine, config: KeyedConfig, shape: BatchShape, steps: number) {
  let network = 0;
  const watched = wrapRuns(engine, run => async (state, inputs) => {
    const start = performance.now();
    const outputs = await run(state, inputs);
    network += performance.now() - start;
    return outputs;
  });
  const graph = tracePredictGraph(config.model, shape, engine.tuning);
  const weights = Object.fromEntries(
    Object.entries(randomTensors(graphReads(graph), 0.05)).map(([name, tensor]) => [
      name.slice(PARAM_PREFIX.length),
      tensor,
    ]),
  );
  const sampler = new Sampler(watched, config, weights);
  const given = [...graphInputs(graph)].filter(([name]) => !STEP_INPUTS.has(name) && !name.startsWith('keep_'));
  const conditions = randomTensors(new Map(given), 1);
  const { height, width } = shape;
  const request = { ...samplingSchema.parse({ steps }), conditions, height, width, first: 0 };
  await sampler.sample(request);
  network = 0;
  const start = performance.now();
  await sampler.sample(request);
  const whole = performance.now() - start;
  await sampler.dispose();
  return { whole, network };
}

const spec = engineSpecSchema.parse({
  name: options.engine,
  precision: options.precision,
  threads: Number(options.threads),
});
const engine = await openEngine(spec);
const [batch, steps] = [Number(options.batch), Number(options.steps)];
for (const name of options.net.split(',')) {
  const net = NETS[name];
  if (net === undefined) throw new Error(`there is no net ${name}; known: ${Object.keys(NETS).join(', ')}`);
  const shape = { ...net.shape, batch };
  const graph = tracePredictGraph(net.config.model, shape, engine.tuning);
  const split = splitGraph(graph, STEP_INPUTS, '');
  if (split === undefined) throw new Error(`the net ${name} has no conditions`);
  const graphs = [graph, split.rest, split.first];
  const contestants = await Promise.all(graphs.map(each => Contestant.prepare(engine, each)));
  await takeTurns(contestants, Number(options.runs));
  const [whole = 0, then = 0, first = 0] = contestants.map(({ fastest }) => fastest);
  for (const contestant of contestants) await contestant.dispose();
  const sample = await timeSample(engine, net.config, shape, steps);
  const row = {
    bench: 'sampler',
    net: name,
    engine: spec.name,
    precision: spec.precision,
    batch,
    ms: Number((sample.whole / steps).toFixed(2)),
    outside_network: Number((1 - sample.network / sample.whole).toFixed(3)),
    pass_ms: Number(then.toFixed(2)),
    whole_pass_ms: Number(whole.toFixed(2)),
    conditions_ms: Number(first.toFixed(2)),
    ratio: Number((then / whole).toFixed(3)),
    flops_ratio: Number((countFlops(split.rest) / countFlops(graph)).toFixed(3)),
  };
  if (options.json) console.log(JSON.stringify(row));
  else {
    console.log(
      `${name} x ${batch} on ${row.engine} ${row.precision}: ${row.ms} ms a step of two passes, ` +
        `${(100 * row.outside_network).toFixed(1)} % outside the network; a pass takes ${row.pass_ms} ms, with the ` +
        `conditions ${row.whole_pass_ms} ms (${row.ratio}; of the operations ${row.flops_ratio}); the conditions ` +
        `alone take ${row.conditions_ms} ms`,
    );
  }
}
await engine.dispose();
