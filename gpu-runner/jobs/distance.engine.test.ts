/** @file The job `distance` beside the Python package lpips: a file of tools/make-lpips-goldens.py. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { LpipsNet } from '../../configs/lpips.ts';
import { memberName } from '../../configs/signals.ts';
import { decodeNpy, encodeNpy } from '../../formats/npy.ts';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.ts';
import { packColumn } from '../../formats/webdataset.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { Shape, Tensor } from '../compiler/tensor.ts';
import { trace } from '../compiler/trace.ts';
import { lpipsDistance } from '../encoders/lpips/distance.ts';
import { hashedPicture, hashedWeight } from '../encoders/lpips/testing/hashed-numbers.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import type { JobContext } from './context.ts';
import { createDistanceJob } from './distance.ts';

const SPEC = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;
const engine = createOnnxRuntimeEngine({ threads: 1 });
const blobs = createBlobStore(createMemoryStore());
let breaths = 0;
const ctx: JobContext = {
  blobs,
  engine: async () => engine,
  openSource: async () => {
    throw new Error('no dataset is expected');
  },
  progress: () => {},
  breathe: async () => {
    breaths++;
    return 'continue';
  },
};
const job = createDistanceJob();
afterAll(() => engine.dispose?.());

type Pixels = { readonly shape: Shape; readonly data: Uint8Array };

/** Two pictures of 43 x 36 pixels, as the golden has them. */
function hashedLevels(name: string): Pixels[] {
  const { data } = hashedPicture(name, [2, 3, 36, 43]);
  const levels = Uint8Array.from(data, x => Math.floor((x + 1) * 128));
  const size = levels.length / 2;
  return [0, 1].map(row => ({ shape: [3, 36, 43], data: levels.slice(row * size, (row + 1) * size) }));
}

const flat = (height: number, width: number, level: number): Pixels => ({
  shape: [3, height, width],
  data: new Uint8Array(3 * height * width).fill(level),
});

async function putColumn(pictures: Readonly<Record<string, Pixels>>) {
  const members = Object.entries(pictures).map(
    ([id, { shape, data }]) => [memberName('image', id), encodeNpy({ dtype: 'u8', shape, data })] as const,
  );
  return (await blobs.put(packColumn(new Map(members)))).digest;
}

const stored = new Map<LpipsNet, ReturnType<typeof storeWeights>>();

function putWeights(net: LpipsNet) {
  const known = stored.get(net) ?? storeWeights(net);
  stored.set(net, known);
  return known;
}

/** Heads and trunk, each a blob, as they are installed. */
async function storeWeights(net: LpipsNet) {
  const tensors: Record<string, Tensor> = {};
  trace(builder => {
    const picture = builder.input('picture', { shape: [1, 3, 64, 64], dtype: 'f32' });
    const distance = lpipsDistance(picture, picture, net, (name, shape) => {
      tensors[name] ??= hashedWeight(net, name, shape);
      return builder.state(name, { shape, dtype: 'f32' });
    });
    return { outputs: { distance } };
  });
  const put = async (takes: (name: string) => boolean) => {
    const some = Object.entries(tensors).filter(([name]) => takes(name));
    return [(await blobs.put(encodeSafetensors(Object.fromEntries(some)))).digest];
  };
  return { heads: await put(name => name.startsWith('lin')), trunk: await put(name => !name.startsWith('lin')) };
}

async function measure(
  net: LpipsNet,
  a: Readonly<Record<string, Pixels>>,
  b: Readonly<Record<string, Pixels>>,
  weights?: Record<string, Awaited<ReturnType<typeof putColumn>>[]>,
) {
  const columns = { a: await putColumn(a), b: await putColumn(b) };
  const { outputs, links } = await job(ctx, {
    ...{ kind: 'distance', net: `lpips-${net}`, weights: weights ?? (await putWeights(net)), engine: SPEC },
    ...columns,
  });
  expect(links).toEqual([]);
  const { dtype, shape, data } = decodeNpy(await blobs.get(outputs.distances!.digest));
  expect([dtype, ...shape]).toEqual(['f32', Object.keys(a).length]);
  return [...data];
}

const { tensors: goldens } = decodeSafetensors(
  readFileSync(new URL('../encoders/lpips/testdata/lpips.safetensors', import.meta.url)),
);
const [first, second] = [hashedLevels('first'), hashedLevels('second')];

describe('the job distance', () => {
  // The test of lpipsDistance has VGG, too.
  it.each(['squeeze', 'alex'] as const)('LPIPS %s of two columns is that of the Python package', async net => {
    const wanted = [...(goldens[`${net}.levels`]?.data ?? [])].map(Number);
    expect(wanted.length).toBe(2);
    const found = await measure(net, { x: first[0]!, y: first[1]! }, { y: second[1]!, x: second[0]! });
    for (const [i, distance] of found.entries()) expect(distance / wanted[i]! - 1).toBeCloseTo(0, 5);
  });

  it('pictures of several sizes have their numbers in the order of the first column; equal ones have 0', async () => {
    const weights = await putWeights('squeeze');
    const [large, small] = [flat(48, 40, 9), flat(36, 43, 200)];
    const a = { p: first[0]!, q: large, r: first[1]!, s: small };
    const b = { s: second[0]!, r: second[1]!, q: large, p: first[0]! };
    const before = breaths;
    const [p, q, r, s] = await measure('squeeze', a, b, weights);
    expect([p, q]).toEqual([0, 0]);
    expect(r).toBeCloseTo((await measure('squeeze', { r: first[1]! }, { r: second[1]! }, weights))[0]!, 5);
    expect(s).toBeGreaterThan(0);
    expect(breaths).toBeGreaterThan(before);
  });

  it('more pairs than a batch has give what each pair alone gives', async () => {
    const weights = await putWeights('squeeze');
    const names = Array.from({ length: 19 }, (_, i) => `n${i}`);
    const column = (of: (i: number) => Pixels) => Object.fromEntries(names.map((name, i) => [name, of(i)]));
    const found = await measure(
      'squeeze',
      column(i => first[i % 2]!),
      column(i => second[i % 2]!),
      weights,
    );
    for (const [i, distance] of found.entries()) expect(distance).toBeCloseTo(found[i % 2]!, 5);
  });

  const one = { x: first[0]! };
  it.each([
    ['pictures of other ids', one, { y: first[0]! }, 'one column alone has "x.image.npy"'],
    ['pictures of other sizes', one, { x: flat(36, 42, 0) }, '43 x 36 in one column and 42 x 36 in the other'],
    ['no pictures', {}, {}, 'the columns have no pictures'],
    ['pictures smaller than the net', { x: flat(24, 60, 0) }, { x: flat(24, 60, 0) }, 'too small for LPIPS squeeze'],
  ])('columns with %s are refused', async (_, a, b, message) => {
    await expect(measure('squeeze', a, b)).rejects.toThrow(message);
  });

  it('the weights of another net are refused', async () => {
    const weights = await putWeights('alex');
    await expect(measure('squeeze', one, one, weights)).rejects.toThrow('the weights of lpips-squeeze');
  });
});
