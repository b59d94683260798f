/**
 * @file Trains one network for a few steps in a process of its own, and writes a checkpoint.
 * `node --expose-gc bench/step/child.ts OPTIONS`
 */
import { z } from 'zod';
import { checkpointingSchema } from '../../configs/gradient-checkpointing.ts';
import { keyedConfigSchema } from '../../configs/schema.ts';
import type { Engine } from '../../gpu-runner/compiler/engine.ts';
import { wrapRuns } from '../../gpu-runner/engines/testing/wrap-runs.ts';
import { saveCheckpoint } from '../../gpu-runner/jobs/checkpoints.ts';
import { openEngine } from '../../gpu-runner/jobs/engines.ts';
import { peakRate, type Stopwatch } from '../../gpu-runner/jobs/peak-rate.ts';
import { createMemorySource, type TrainingItem } from '../../gpu-runner/training/source.ts';
import { EMPTY_PROGRESS, Trainer } from '../../gpu-runner/training/trainer.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import { digestOf } from '../../storage/digest.ts';
import { engineSpecSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { MODEL_NETS, type ModelNet } from '../model-nets.ts';
import { CLOCKS, type Clock } from './measure-step.ts';

/** Steps that do not count: they compile. */
const WARM_UP = 1;

/** Time by the clock; or of the processor, each of whose threads counts, over the threads of the engine. */
const STOPWATCHES: Readonly<Record<Clock, (threads: number) => Stopwatch>> = {
  wall: () => () => performance.now(),
  processor: threads => () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000 / threads;
  },
};

/** Adds up the time of forward and backward: of the runs that read noise. */
function watchGradients(engine: Engine, now: Stopwatch): { readonly engine: Engine; takeMs(): number } {
  let spent = 0;
  return {
    engine: wrapRuns(engine, run => async (state, inputs) => {
      const start = now();
      const outputs = await run(state, inputs);
      if ('noise' in inputs) spent += now() - start;
      return outputs;
    }),
    takeMs() {
      const taken = spent;
      spent = 0;
      return taken;
    },
  };
}

/** Copies and hashes blobs as the store of the gpu-runner does, and keeps none. */
const hashing: Pick<BlobStore, 'put'> = {
  put: async (bytes, media_type = 'application/octet-stream') => ({
    digest: digestOf(new Uint8Array(bytes)),
    size: bytes.byteLength,
    media_type,
  }),
};

function makeItems({ config, shape }: ModelNet, count: number): TrainingItem[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new RandomStream(i, 'sample');
    const tokens = shape.textTokens - (i % 8);
    const text = new Float32Array(tokens * (config.model.conditions?.text?.dim ?? 0));
    random.fillNormal(text);
    return {
      id: String(i),
      height: shape.height,
      width: shape.width,
      pixels: Uint8Array.from({ length: 3 * shape.height * shape.width }, () => random.below(256)),
      signals: { text: { rows: tokens, data: text } },
    };
  });
}

const optionsSchema = z.strictObject({
  net: z.enum(Object.keys(MODEL_NETS) as [keyof typeof MODEL_NETS]),
  spec: engineSpecSchema,
  microBatches: z.int().min(1),
  runs: z.int().min(1),
  clock: z.enum(CLOCKS),
  checkpointing: checkpointingSchema,
});

const options = optionsSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const { net: name, spec, microBatches, runs, clock, checkpointing } = options;
const net = MODEL_NETS[name];
const batch = microBatches * net.shape.batch;
const config = keyedConfigSchema.parse({ ...net.config, data: { ...net.config.data, batch_size: batch } });
const source = createMemorySource(makeItems(net, batch));
const now = STOPWATCHES[clock](spec.threads ?? 1);
const engine = await openEngine(spec);
const peak = await peakRate(engine, now);
const watched = watchGradients(engine, now);
globalThis.gc?.();
const before = process.memoryUsage.rss();
const trainer = new Trainer(watched.engine, config, source, net.shape.batch, EMPTY_PROGRESS, undefined, {
  remat: checkpointing,
});
const steps: { readonly ms: number; readonly outside: number }[] = [];
for (let run = -WARM_UP; run < runs; run++) {
  const start = now();
  await trainer.step();
  const ms = now() - start;
  const gradient = watched.takeMs();
  if (run >= 0) steps.push({ ms, outside: 1 - gradient / ms });
}
await saveCheckpoint(hashing, trainer.progress, group => trainer.read(group), digestOf(''), config.seed);
await trainer.dispose();
const fastest = steps.reduce((best, step) => (step.ms < best.ms ? step : best));
const bytes = process.resourceUsage().maxRSS * 1024 - before;
console.log(JSON.stringify({ ...fastest, peak, bytes }));
