/**
 * @file Times whole optimizer steps of the demo's model on random pictures: the share outside forward and backward.
 * `node bench/optimizer-step.ts [--engine onnxruntime/cpu] [--precision f32] [--threads N] [--runs N] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Engine, Executable } from '../gpu-runner/compiler/engine.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { RandomStream } from '../gpu-runner/model/random.ts';
import { createMemorySource, type TrainingItem } from '../gpu-runner/training/source.ts';
import { EMPTY_PROGRESS, Trainer } from '../gpu-runner/training/trainer.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { MODEL_NETS } from './model-nets.ts';

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});

/** Adds up the time of forward and backward: of the runs that read noise. */
function watchGradients(engine: Engine): { readonly engine: Engine; takeMs(): number } {
  let spent = 0;
  const watch = (executable: Executable): Executable => ({
    peakBytes: executable.peakBytes,
    dispose: () => executable.dispose(),
    async run(state, inputs) {
      const start = performance.now();
      const outputs = await executable.run(state, inputs);
      if ('noise' in inputs) spent += performance.now() - start;
      return outputs;
    },
  });
  return {
    engine: { ...engine, compile: async graph => watch(await engine.compile(graph)) },
    takeMs() {
      const taken = spent;
      spent = 0;
      return taken;
    },
  };
}

function makeItems({ config, shape }: (typeof MODEL_NETS)['demo']): TrainingItem[] {
  return Array.from({ length: shape.batch }, (_, i) => {
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

const net = MODEL_NETS.demo;
const spec = engineSpecSchema.parse({
  name: options.engine,
  precision: options.precision,
  threads: Number(options.threads),
});
const watched = watchGradients(await openEngine(spec));
const trainer = new Trainer(
  watched.engine,
  net.config,
  createMemorySource(makeItems(net)),
  net.shape.batch,
  EMPTY_PROGRESS,
);
const steps: { readonly whole: number; readonly gradient: number }[] = [];
for (let run = -2; run < Number(options.runs); run++) {
  const start = performance.now();
  await trainer.step();
  const step = { whole: performance.now() - start, gradient: watched.takeMs() };
  if (run >= 0) steps.push(step);
}
await trainer.dispose();

const fastest = steps.reduce((best, step) => (step.whole < best.whole ? step : best));
const row = {
  bench: 'optimizer-step',
  net: 'demo',
  engine: spec.name,
  precision: spec.precision,
  ms: Number(fastest.whole.toFixed(1)),
  /** Share of the step outside forward and backward: update, random numbers and feeds. */
  outside: Number((1 - fastest.gradient / fastest.whole).toFixed(3)),
};
if (options.json) console.log(JSON.stringify(row));
else console.log(`whole step ${row.ms} ms, ${(row.outside * 100).toFixed(1)} % of it outside forward and backward`);
