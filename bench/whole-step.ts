/**
 * @file Whole optimizer steps of a network on random pictures, each network in a process of its own: time and memory,
 * measured and as `preflight` predicts them, and the share of time outside forward and backward. The time is predicted
 * from the speed of the demo's network in the same run.
 * `node bench/whole-step.ts [--net prod-256] [--engine onnxruntime/cpu] [--precision f32] [--micro-batches 4]
 * [--threads N] [--runs N] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { trainingFlops } from '../configs/training-flops.ts';
import { planMemory } from '../gpu-runner/planning/plan-memory.ts';
import { openPlanner } from '../gpu-runner/planning/planners.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { MODEL_NETS, type ModelNet } from './model-nets.ts';
import { measureStep } from './step/measure-step.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'prod-256' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    'micro-batches': { type: 'string', default: '4' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});

const nets: Readonly<Record<string, ModelNet>> = MODEL_NETS;
const net = nets[options.net];
if (net === undefined) throw new Error(`--net ${options.net}: expected one of ${Object.keys(nets).join(', ')}`);
const spec = engineSpecSchema.parse({
  name: options.engine,
  precision: options.precision,
  threads: Number(options.threads),
});
const microBatches = Number(options['micro-batches']);
const demo = await measureStep({ net: 'demo', spec, microBatches: 1, runs: Number(options.runs) });
const step = await measureStep({ net: options.net, spec, microBatches, runs: Number(options.runs) });

/** Operations of an update by formula, as `preflight` counts them. */
const flopsOf = ({ config, shape }: ModelNet, batches: number) =>
  batches * shape.batch * trainingFlops(config, frameOf(shape));
const frameOf = ({ height, width, textTokens }: ModelNet['shape']) => ({ height, width, textTokens });
const plan = await planMemory(
  {
    config: net.config,
    frame: frameOf(net.shape),
    previews: 1,
    memoryBytes: Number.MAX_SAFE_INTEGER,
    reserveBytes: 0,
    asked: { micro_batch: net.shape.batch, gradient_checkpointing: false },
    largestMicroBatch: net.shape.batch,
  },
  await openPlanner(spec.name, { precision: spec.precision }),
  'bench',
);
const predictedMs = (demo.ms * (flopsOf(net, microBatches) + plan.flops.update)) / flopsOf(MODEL_NETS.demo, 1);
const round = (value: number, digits = 3) => Number(value.toFixed(digits));
const row = {
  bench: 'whole-step',
  net: options.net,
  engine: spec.name,
  precision: spec.precision,
  samples: microBatches * net.shape.batch,
  ms: round(step.ms, 1),
  predicted_ms: round(predictedMs, 1),
  predicted_over_measured_ms: round(predictedMs / step.ms),
  /** Share of the step outside forward and backward: update, random numbers and feeds. */
  outside: round(step.outside),
  predicted_bytes: plan.peak.training_bytes,
  measured_bytes: step.bytes,
  predicted_over_measured_bytes: round(plan.peak.training_bytes / step.bytes),
};
if (options.json) console.log(JSON.stringify(row));
else {
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  console.log(
    `${row.net}, ${plan.parameters} parameters, ${row.samples} samples a step, ${row.engine} ${row.precision}`,
  );
  console.log(`a step: predicted ${row.predicted_ms} ms, measured ${row.ms} ms (${row.predicted_over_measured_ms})`);
  console.log(`outside forward and backward: ${(row.outside * 100).toFixed(1)} % of it`);
  console.log(
    `memory: predicted ${mib(row.predicted_bytes)}, measured ${mib(row.measured_bytes)} ` +
      `(${row.predicted_over_measured_bytes})`,
  );
}
