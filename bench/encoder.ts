/**
 * @file Pictures per second of the encoder `efficientnet-lite0`, and its speed as a share of the engine's own peak: the
 * fastest square matrix product of 512 to 2048, by turns in the same run. Its weights are random.
 * `node bench/encoder.ts [--size 64,128,224] [--stride 8] [--engine onnxruntime/cpu] [--precision f32] [--threads N]
 * [--runs N] [--peak-sizes 512,1024,2048] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { countFlops } from '../gpu-runner/compiler/flops.ts';
import { LITE0 } from '../gpu-runner/encoders/efficientnet/network.ts';
import { makeRandomWeights } from '../gpu-runner/encoders/efficientnet/testing/random-weights.ts';
import { PATCH_STAGE, readPictureNet } from '../gpu-runner/encoders/efficientnet-lite0.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { Contestant, takeTurns, traceProduct } from './timing.ts';

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '64,128,224' },
    stride: { type: 'string', default: '8' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '10' },
    'peak-sizes': { type: 'string', default: '512,1024,2048' },
    json: { type: 'boolean', default: false },
  },
});

const spec = engineSpecSchema.parse({
  name: options.engine,
  precision: options.precision,
  threads: Number(options.threads),
});
const engine = await openEngine(spec);
const [runs, stride] = [Number(options.runs), Number(options.stride)];
const peakSizes = options['peak-sizes'].split(',').map(Number);
const net = readPictureNet(LITE0, PATCH_STAGE, makeRandomWeights(LITE0), stride);
for (const size of options.size.split(',').map(Number)) {
  const batch = net.batchOf({ height: size, width: size });
  const graph = net.trace(batch, { height: size, width: size });
  const graphs = [graph, ...peakSizes.map(traceProduct)];
  const contestants = await Promise.all(graphs.map(each => Contestant.prepare(engine, each)));
  await takeTurns(contestants, runs);
  const speeds = contestants.map(({ fastest }, i) => countFlops(graphs[i] ?? graph) / 1e6 / fastest);
  const [gflops = Number.NaN, ...products] = speeds;
  const peak = Math.max(...products);
  const ms = contestants[0]?.fastest ?? Number.NaN;
  for (const contestant of contestants) await contestant.dispose();
  const row = {
    bench: 'encoder',
    net: `efficientnet-lite0 ${size} px, stride ${stride}`,
    engine: spec.name,
    precision: spec.precision,
    threads: spec.threads,
    batch,
    ms: Number(ms.toFixed(1)),
    pictures_per_second: Number(((1000 * batch) / ms).toFixed(1)),
    gflops: Number(gflops.toFixed(1)),
    of_peak: Number((gflops / peak).toFixed(3)),
  };
  if (options.json) console.log(JSON.stringify(row));
  else {
    console.log(
      `${row.net} on ${row.engine} ${row.precision}, ${row.threads} threads: ${row.pictures_per_second} pictures/s ` +
        `(${batch} at once in ${row.ms} ms); ${row.gflops} GFLOP/s, ${row.of_peak} of the peak ${peak.toFixed(0)}`,
    );
  }
}
await engine.dispose();
