/** @file Small pictures of seeded weights by every solver, time grid and guidance method. */
import { GUIDANCE_NAMES, SOLVER_NAMES, samplingSchema, TIME_GRID_NAMES } from '../../../configs/sampling.ts';
import { RandomStream } from '../../../numerics/random-stream.ts';
import type { Engine } from '../../compiler/engine.ts';
import { emptyTensor, type Shape, type Tensor } from '../../compiler/tensor.ts';
import { roughStart } from '../../training/testing/rough-start.ts';
import { tinyConfig } from '../../training/testing/tiny.ts';
import { type SampleConditions, Sampler } from '../sampler.ts';

/** In testdata/: uint8 [cases, height, width, 3]. `node tools/make-golden-pictures.ts` writes it. */
export const GOLDEN_PICTURES = new URL('../testdata/golden-pictures.npy', import.meta.url);

export const GOLDEN_SIZE = { height: 12, width: 16 };

/** Settings of each picture, in the order of the file. */
export const GOLDEN_CASES = SOLVER_NAMES.flatMap(solver =>
  TIME_GRID_NAMES.flatMap(time_grid =>
    GUIDANCE_NAMES.map(guidance_method => ({
      solver,
      time_grid,
      guidance_method,
      ...(time_grid === 'shifted' && { shift: 2 }),
      ...(guidance_method === 'cfg_zero_star' && { zero_steps: 1 }),
    })),
  ),
);

const HEAD_SCALE = 0.2;

function normals(shape: Shape, seed: number): Tensor {
  const tensor = { ...emptyTensor({ shape, dtype: 'f32' }), data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
  new RandomStream(seed, 'sample').fillNormal(tensor.data);
  return tensor;
}

function makeConditions(): SampleConditions {
  const mask = emptyTensor({ shape: [1, 8], dtype: 'f32' });
  mask.data.fill(1, 0, 5);
  const pose = normals([1, 133, 3], 3);
  return {
    text: normals([1, 8, 6], 0),
    text_mask: mask,
    cls: normals([1, 5], 1),
    patches: normals([1, 3, 4, 3], 2),
    pose: { ...pose, data: pose.data.map(x => Math.tanh(x)) },
  };
}

/** The pixels of the cases one after another, uint8 [cases, height, width, 3]. */
export async function drawGoldenPictures(engine: Engine, cases = GOLDEN_CASES): Promise<Uint8Array> {
  const tread = { first_block: 1, last_block: 1 };
  const config = tinyConfig({ model: { depth: 3 }, objective: { tread } });
  const { model } = await roughStart(config);
  // Small, so that few pixels are black or white.
  const weights = Object.entries(model).map(([name, tensor]) => {
    const scale = name === 'head.out' || name === 'head.bias' ? HEAD_SCALE : 1;
    return [name, { ...tensor, data: Float32Array.from(tensor.data, x => scale * x) }] as const;
  });
  const sampler = new Sampler(engine, config, Object.fromEntries(weights));
  const conditions = makeConditions();
  const pictures: Uint8Array[] = [];
  for (const settings of cases) {
    const sampling = samplingSchema.parse({ steps: 4, seed: 1, ...settings });
    pictures.push(await sampler.sample({ ...sampling, ...GOLDEN_SIZE, conditions, first: 0 }));
  }
  await sampler.dispose();
  return Uint8Array.from(pictures.flatMap(pixels => [...pixels]));
}
