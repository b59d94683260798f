/**
 * @file Time of the distances of sets of features that compare each row with each (kernel distance, precision and
 * recall) or take a matrix apart (Frechet distance), beside NumPy, SciPy and scikit-learn on the same numbers. Features
 * are random normals. The processor's time is compared, since ours run in one thread.
 *
 * `node bench/distances.ts [--rows 5000] [--dim 1280] [--only kernel,subsets,frechet,manifold,nearest] [--peer python]
 * [--json]` (EASEL_PEER_PYTHON names a Python with numpy, scipy and scikit-learn)
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { Features } from '../metrics/features.ts';
import { frechetDistance } from '../metrics/frechet-distance.ts';
import { kernelDistance, kernelDistanceOfSubsets } from '../metrics/kernel-distance.ts';
import { manifoldMeasures } from '../metrics/manifold.ts';
import { nearestRows } from '../metrics/nearest.ts';
import { RandomStream } from '../numerics/random-stream.ts';
import { runPython } from './torch-peer.ts';

const DISTANCES = {
  kernel: (a, b) => kernelDistance(a, b),
  subsets: (a, b) => kernelDistanceOfSubsets(a, b).mean,
  frechet: (a, b) => frechetDistance(a, b),
  manifold: (a, b) => manifoldMeasures(a, b).density,
  nearest: (a, b) => nearestRows(a, b)[0]?.[0]?.distance ?? 0,
} satisfies Record<string, (a: Features, b: Features) => number>;
type Distance = keyof typeof DISTANCES;

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000' },
    dim: { type: 'string', default: '1280' },
    only: { type: 'string', default: Object.keys(DISTANCES).join() },
    peer: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const [rows, dim] = [Number(options.rows), Number(options.dim)];

function isDistance(name: string): name is Distance {
  return Object.hasOwn(DISTANCES, name);
}

function draw(seed: number): Features {
  const data = new Float32Array(rows * dim);
  new RandomStream(seed, 'sample').fillNormal(data);
  return { dim, data };
}

const peerSchema = z.strictObject({ cpu_ms: z.number(), ms: z.number() });

async function timePeer(distance: Distance): Promise<z.infer<typeof peerSchema> | undefined> {
  if (options.peer === undefined) return undefined;
  const args = ['--distance', distance, '--rows', String(rows), '--dim', String(dim)];
  const { lines, errors, status } = await runPython('distances_numpy.py', args);
  if (status !== 0) console.error(`the peer did not run: ${errors.split('\n').at(-1)}`);
  return lines[0] === undefined ? undefined : peerSchema.parse(JSON.parse(lines[0]));
}

const round = (value: number) => Number(value.toFixed(2));
for (const name of options.only.split(',')) {
  if (!isDistance(name)) throw new Error(`--only ${name}: expected some of ${Object.keys(DISTANCES).join(', ')}`);
  const [a, b] = [draw(1), draw(2)];
  const [start, used] = [performance.now(), process.cpuUsage()];
  const value = DISTANCES[name](a, b);
  const { user, system } = process.cpuUsage(used);
  const [ms, cpuMs] = [performance.now() - start, (user + system) / 1000];
  const peer = await timePeer(name);
  const row = {
    bench: 'distances',
    net: `${name}, ${rows} x ${dim}`,
    engine: 'typed arrays',
    precision: 'f64',
    ms: Math.round(ms),
    cpu_ms: Math.round(cpuMs),
    value: Number(value.toPrecision(6)),
    ...(peer && { peer: 'numpy', peer_cpu_ms: Math.round(peer.cpu_ms), ratio: round(peer.cpu_ms / cpuMs) }),
  };
  const told = peer ? `; ${row.ratio} x the speed of Python's, ${(peer.cpu_ms / 1000).toFixed(1)} s` : '';
  console.log(options.json ? JSON.stringify(row) : `${row.net}: ${(cpuMs / 1000).toFixed(1)} s${told}`);
}
