/** @file The job `distance`: LPIPS of the pictures of two columns, pair by pair. */
import { netOfModel } from '../../configs/lpips.ts';
import { memberName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy, encodeNpy } from '../../formats/npy.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Picture } from '../encoders/encoder.ts';
import { PairPrograms } from '../encoders/lpips/pair-programs.ts';
import { openWeights } from '../encoders/net-weights.ts';
import type { DistanceJob } from '../protocol.ts';
import type { JobContext, JobHandler } from './context.ts';

interface Pair {
  /** Of the member in `a`. */
  readonly place: number;
  readonly first: Picture;
  readonly second: Picture;
}

/** Creates the handler. It keeps the net of the last job on its engine. */
export function createDistanceJob(): JobHandler<'distance'> {
  let resident: { readonly key: string; readonly programs: PairPrograms } | undefined;

  async function open(ctx: JobContext, { net, weights, engine }: DistanceJob): Promise<PairPrograms> {
    const key = canonicalJson([net, weights, engine]);
    if (resident?.key === key) return resident.programs;
    await resident?.programs.dispose();
    resident = undefined;
    const files = await Promise.all(Object.values(weights).flatMap(part => part.map(digest => ctx.blobs.get(digest))));
    const programs = new PairPrograms(await ctx.engine(engine), netOfModel(net), openWeights(net, files));
    resident = { key, programs };
    return programs;
  }

  return async (ctx, job) => {
    const [a, b] = await Promise.all([job.a, job.b].map(async column => readColumn(await ctx.blobs.get(column))));
    const pairs = pairUp(a ?? new Map(), b ?? new Map());
    const programs = await open(ctx, job);
    const started = performance.now();
    const distances = new Float32Array(pairs.length);
    let done = 0;
    for (const same of Map.groupBy(pairs, ({ first }) => `${first.width} ${first.height}`).values()) {
      const batch = programs.batchOf(same[0]!.first, same.length);
      for (let from = 0; from < same.length; from += batch) {
        const some = same.slice(from, from + batch);
        const found = await programs.compare(some, batch);
        for (const [i, { place }] of some.entries()) distances[place] = found[i]!;
        done += some.length;
        ctx.progress({ phase: 'distance', done, total: pairs.length, unit: 'items' });
        await ctx.breathe();
      }
    }
    const bytes = encodeNpy({ dtype: 'f32', shape: [distances.length], data: distances });
    return {
      outputs: { distances: await ctx.blobs.put(bytes, 'application/octet-stream') },
      links: [],
      stats: { seconds: (performance.now() - started) / 1000, items: pairs.length },
    };
  };
}

/** @throws Unprocessable unless both columns have pictures of the same ids and sizes. */
function pairUp(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): Pair[] {
  const lacking = [...a.keys()].find(name => !b.has(name)) ?? [...b.keys()].find(name => !a.has(name));
  if (lacking !== undefined || a.size === 0) {
    const problem = lacking === undefined ? 'the columns have no pictures' : `one column alone has "${lacking}"`;
    throw new Unprocessable(problem, { expected: 'two columns with pictures of the same ids' });
  }
  return [...a].map(([name, member], place) => {
    const first = readPicture(name, member);
    const second = readPicture(name, b.get(name) ?? new Uint8Array());
    if (first.width === second.width && first.height === second.height) return { place, first, second };
    const sizes = [first, second].map(({ width, height }) => `${width} x ${height}`);
    throw new Unprocessable(`"${name}" is ${sizes.join(' in one column and ')} in the other`, {
      expected: 'pictures of one size for each id',
    });
  });
}

function readPicture(name: string, member: Uint8Array): Picture {
  const suffix = memberName('image', '');
  const array = name.endsWith(suffix) ? decodeNpy(member) : undefined;
  const [channels, height = 0, width = 0] = array?.shape ?? [];
  if (array?.dtype === 'u8' && channels === 3 && array.shape.length === 3) return { data: array.data, height, width };
  throw new Unprocessable(`"${name}" is no picture`, {
    expected: `a column of pictures: members *${suffix}, u8 [3, height, width]`,
  });
}
