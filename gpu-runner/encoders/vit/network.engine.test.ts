/** @file Vision transformers beside Hugging Face transformers: files of testdata/make-dino-goldens.py. */
import { describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../../formats/safetensors.ts';
import { interpolate, type Kernel } from '../../compiler/resample.ts';
import { trace } from '../../compiler/trace.ts';
import { differenceFrom, GOLDEN_ENGINES, golden, runGraph } from '../../engines/testing/goldens.ts';
import { openWeights } from '../net-weights.ts';
import { describePatches, stateWeights } from './network.ts';
import { packWeights, readVitShape, weightSpecs } from './pack-weights.ts';
import { sharedName } from './tensor-names.ts';
import { readGoldenFile, SMALL_V2, SMALL_V3 } from './testing/golden-file.ts';

/** Largest difference from transformers in f64, relative to the largest element. */
const TOLERANCE = 1e-5;

describe.each(GOLDEN_ENGINES)('%s', (engine, open) => {
  it.each([
    ['dinov3', SMALL_V3, 2],
    ['dinov3-gated', SMALL_V3, 1],
    ['dinov2', SMALL_V2, 2],
    ['dinov2-registers', SMALL_V2, 2],
    ['dinov2-swiglu', SMALL_V2, 1],
  ] as const)('%s has the tokens of transformers, for pictures that are not square, too', async (name, kind, count) => {
    const { weights, others } = readGoldenFile(name);
    // The tensors in two files, as large models have them.
    const halves = [0, 1].map(half =>
      encodeSafetensors(Object.fromEntries(Object.entries(weights).filter((_, i) => i % 2 === half))),
    );
    const file = openWeights(name, halves, { rename: sharedName });
    const shape = readVitShape(kind, file);
    const state = Object.fromEntries(packWeights(shape, file, 'f32'));
    for (let i = 0; i < count; i++) {
      const picture = golden(others, `picture${i}`);
      const graph = trace(builder => {
        const weight = stateWeights(builder, weightSpecs(shape, 'f32'));
        const input = builder.input('picture', picture);
        const [last, two] = [1, 2].map(layers => describePatches(input, shape, weight, { layers }));
        if (!last || !two) throw new Error('two runs were asked for');
        const found = { [`cls${i}`]: last.cls, [`patches${i}`]: last.patches };
        return { outputs: { ...found, [`sum_cls${i}`]: two.cls, [`sum${i}`]: two.patches } };
      });
      const { outputs } = await runGraph(open, graph, { picture }, state);
      expect(Object.keys(outputs)).toHaveLength(4);
      for (const [output, found] of Object.entries(outputs)) {
        expect(differenceFrom(found, golden(others, output)), `${engine} ${name} ${output}`).toBeLessThan(TOLERANCE);
      }
    }
  });

  it('a picture is resized as PyTorch does it, by all kernels', async () => {
    const { others } = readGoldenFile('resize');
    const kernels: Readonly<Record<string, readonly [Kernel, boolean]>> = {
      linear: ['linear', false],
      cubic: ['cubic', false],
      smooth: ['linear', true],
      smooth_cubic: ['cubic', true],
    };
    const names = Object.keys(others).filter(name => name !== 'plane');
    const plane = golden(others, 'plane');
    const graph = trace(builder => {
      const x = builder.input('plane', plane);
      const resized = names.map(name => {
        const [, , rows = 0, columns = 0] = golden(others, name).shape;
        const [kernel, antialias] = kernels[name.slice(0, name.lastIndexOf('_'))] ?? ['linear', false];
        const tall = interpolate(x, 2, rows, kernel, antialias);
        return [name, interpolate(tall, 3, columns, kernel, antialias)] as const;
      });
      return { outputs: Object.fromEntries(resized) };
    });
    const { outputs } = await runGraph(open, graph, { plane });
    for (const name of names) expect(differenceFrom(outputs[name], golden(others, name)), name).toBeLessThan(2e-6);
  });
});
