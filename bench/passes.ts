/**
 * @file Time that each compiler pass saves: a training step with all passes and without one, by turns in one run.
 * `node bench/passes.ts [--net lab|demo|demo-256|small] [--engine onnxruntime/cpu] [--precision f32] [--threads N]
 * [--runs N] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { PASS_NAMES } from '../gpu-runner/compiler/passes/optimize.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { traceNet } from './nets.ts';
import { Contestant, takeTurns } from './timing.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'lab' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});

const graph = traceNet(options.net);
const spec = engineSpecSchema.parse({
  name: options.engine,
  precision: options.precision,
  threads: Number(options.threads),
});
const engine = await openEngine(spec);
const variants = [[], ...PASS_NAMES.map(name => [name]), [...PASS_NAMES]];
const contestants: Contestant[] = [];
for (const without of variants) contestants.push(await Contestant.prepare(engine, graph, new Set(without)));
await takeTurns(contestants, Number(options.runs));
const all = contestants[0]?.fastest ?? Number.NaN;
if (!options.json)
  console.log(`${options.net} on ${spec.name} ${spec.precision}: ${all.toFixed(1)} ms with all passes`);
for (const [index, contestant] of contestants.entries()) {
  const without = variants[index] ?? [];
  const row = {
    bench: 'passes',
    net: options.net,
    engine: spec.name,
    precision: spec.precision,
    ms: Number(contestant.fastest.toFixed(1)),
    peer: without.length === 0 ? 'all passes' : `without ${without.join(', ')}`,
    /** Time with all passes divided by this time. Below 1, the pass saves time. */
    ratio: Number((all / contestant.fastest).toFixed(3)),
  };
  if (options.json) console.log(JSON.stringify(row));
  else if (index > 0) console.log(`${row.ratio.toFixed(3)} of the time ${row.peer} (${row.ms} ms)`);
  await contestant.dispose();
}
await engine.dispose();
