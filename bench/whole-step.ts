/**
 * @file Whole optimizer steps of a network on random pictures and a checkpoint, each network in a process of its own:
 * time and memory, measured and as `preflight` predicts them, and the share of time outside forward and backward. The
 * time is predicted from a step of the demo's network and the engine's best matrix product in the same run.
 * `--clock processor` tells processor time per thread, on a machine with other work.
 * `node bench/whole-step.ts [--net prod-256] [--engine onnxruntime/cpu] [--precision f32] [--micro-batches 4]
 * [--threads N] [--runs N] [--clock wall|processor] [--checkpointing none|full|K] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import {
  askedCheckpointingSchema,
  checkpointingOf,
  type GradientCheckpointing,
} from '../configs/gradient-checkpointing.ts';
import type { MemoryPlan } from '../configs/memory-plan.ts';
import { predictSeconds, type StepWork } from '../configs/step-time.ts';
import { planMemory } from '../gpu-runner/planning/plan-memory.ts';
import { openPlanner } from '../gpu-runner/planning/planners.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { MODEL_NETS, type ModelNet } from './model-nets.ts';
import { CLOCKS, measureStep } from './step/measure-step.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'prod-256' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    'micro-batches': { type: 'string', default: '4' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '3' },
    clock: { type: 'string', default: 'wall' },
    checkpointing: { type: 'string', default: 'none' },
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
const clock = z.enum(CLOCKS).parse(options.clock);
const asked = Number(options.checkpointing) || options.checkpointing;
const checkpointing = checkpointingOf(askedCheckpointingSchema.parse(asked));
const microBatches = Number(options['micro-batches']);
const runs = Number(options.runs);
const demo = await measureStep({ net: 'demo', spec, microBatches: 1, runs, clock, checkpointing: false });
const step = await measureStep({ net: options.net, spec, microBatches, runs, clock, checkpointing });

const planOf = async (
  { config, shape: { batch, ...frame } }: ModelNet,
  batches: number,
  gradient_checkpointing: GradientCheckpointing,
) =>
  planMemory(
    {
      config: { ...config, data: { ...config.data, batch_size: batches * batch } },
      frame,
      previews: 1,
      memoryBytes: Number.MAX_SAFE_INTEGER,
      reserveBytes: 0,
      asked: { micro_batch: batch, gradient_checkpointing },
      largestMicroBatch: batch,
    },
    await openPlanner(spec.name, { precision: spec.precision }),
    'bench',
  );
/** The work of a step, as `preflight` counts it. */
const workOf = ({ flops, moved, plan: cut }: MemoryPlan, batches: number): StepWork => ({
  flops: batches * cut.micro_batch * flops.executed + flops.update,
  ...(moved && { movedBytes: batches * moved.micro_batch + moved.update }),
});
const plan = await planOf(net, microBatches, checkpointing);
const predictedMs =
  1000 *
  predictSeconds(workOf(plan, microBatches), {
    ...workOf(await planOf(MODEL_NETS.demo, 1, false), 1),
    seconds: demo.ms / 1000,
    productFlopsPerSecond: demo.peak,
  });
const round = (value: number, digits = 3) => Number(value.toFixed(digits));
const row = {
  bench: 'whole-step',
  net: options.net,
  engine: spec.name,
  precision: spec.precision,
  gradient_checkpointing: checkpointing,
  samples: microBatches * net.shape.batch,
  clock,
  ms: round(step.ms, 1),
  predicted_ms: round(predictedMs, 1),
  predicted_over_measured_ms: round(predictedMs / step.ms),
  demo_ms: round(demo.ms, 1),
  peak_gflops: round(demo.peak / 1e9, 1),
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
  console.log(`a step of the demo ${row.demo_ms} ms, the best product ${row.peak_gflops} GFLOP/s (${clock} time)`);
  console.log(`a step: predicted ${row.predicted_ms} ms, measured ${row.ms} ms (${row.predicted_over_measured_ms})`);
  console.log(`outside forward and backward: ${(row.outside * 100).toFixed(1)} % of it`);
  console.log(
    `memory: predicted ${mib(row.predicted_bytes)}, measured ${mib(row.measured_bytes)} ` +
      `(${row.predicted_over_measured_bytes})`,
  );
}
