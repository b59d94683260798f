/** @file LPIPS beside the Python package: a file of tools/make-lpips-goldens.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { LpipsNet } from '../../../configs/lpips.ts';
import { LEAST_SIDES, LPIPS_NETS } from '../../../configs/lpips.ts';
import { decodeSafetensors } from '../../../formats/safetensors.ts';
import { sumAll } from '../../compiler/functions.ts';
import { grad } from '../../compiler/grad.ts';
import type { Shape, Tensor } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { createOnnxRuntimeEngine } from '../../engines/onnxruntime/engine.ts';
import { createReferenceEngine } from '../../engines/reference/engine.ts';
import { differenceFrom, runGraph } from '../../engines/testing/goldens.ts';
import { lpipsDistance } from './distance.ts';
import { trunkFeatures } from './features.ts';
import { hashedPicture, hashedWeight } from './testing/hashed-numbers.ts';
import { POOL_STRIDE, TRUNKS } from './trunks.ts';

const SHAPE = [2, 3, 36, 43] as const;
const TOLERANCE = 2e-5;

const { tensors } = decodeSafetensors(readFileSync(new URL('testdata/lpips.safetensors', import.meta.url)));

function golden(name: string): Tensor {
  const tensor = tensors[name];
  if (tensor?.dtype !== 'f32') throw new Error(`there is no golden "${name}"`);
  return { ...tensor, dtype: 'f32', data: Float32Array.from(tensor.data) };
}

/** Distances, and the gradient of their sum, by an engine. */
async function run(net: LpipsNet, open: Parameters<typeof runGraph>[0], first: Tensor, second: Tensor) {
  const weights: Record<string, Tensor> = {};
  const graph = trace(builder => {
    const a = builder.input('a', first);
    const distance = lpipsDistance(a, builder.input('b', second), net, (name, shape) => {
      weights[name] ??= hashedWeight(net, name, shape);
      return builder.state(name, { shape, dtype: 'f32' });
    });
    const [gradient] = grad(sumAll(distance), [a]);
    return { outputs: { distance, ...(gradient && { gradient }) } };
  });
  const { outputs } = await runGraph(open, graph, { a: first, b: second }, weights);
  return outputs;
}

const onnx = () => createOnnxRuntimeEngine({ threads: 1 });
const [first, second] = [hashedPicture('first', SHAPE), hashedPicture('second', SHAPE)];

it.each([
  ['alex', 'onnxruntime/cpu', onnx],
  ['vgg', 'onnxruntime/cpu', onnx],
  ['squeeze', 'onnxruntime/cpu', onnx],
  ['squeeze', 'reference', createReferenceEngine],
] as const)('LPIPS %s has the distance and the gradient of the Python package, on %s', async (net, _, open) => {
  const { distance, gradient } = await run(net, open, first, second);
  expect(differenceFrom(distance, golden(`${net}.distance`))).toBeLessThan(TOLERANCE);
  expect(differenceFrom(gradient, golden(`${net}.gradient`))).toBeLessThan(TOLERANCE);
});

it('equal pictures have the distance 0, and flat ones a finite gradient', async () => {
  const same = await run('squeeze', onnx, first, first);
  expect([...(same.distance?.data ?? [])]).toEqual([0, 0]);
  const flat: Tensor = { ...first, data: new Float32Array(first.data.length) };
  const { gradient } = await run('squeeze', onnx, flat, second);
  expect(gradient?.data.every(x => Number.isFinite(x))).toBe(true);
});

describe('sizes', () => {
  const shapesOf = (net: LpipsNet, shape: Shape) => {
    const shapes: Shape[] = [];
    trace(builder => {
      const picture = builder.input('picture', { shape, dtype: 'f32' });
      const features = trunkFeatures(picture, net, (name, each) => builder.state(name, { shape: each, dtype: 'f32' }));
      shapes.push(...features.map(each => each.shape));
      return { outputs: Object.fromEntries(features.map((each, i) => [String(i), each])) };
    });
    return shapes;
  };

  // As torchvision's networks for a picture of 64 x 64.
  it.each([
    ['alex', ['64,15,15', '192,7,7', '384,3,3', '256,3,3', '256,3,3']],
    ['vgg', ['64,64,64', '128,32,32', '256,16,16', '512,8,8', '512,4,4']],
    ['squeeze', ['64,31,31', '128,15,15', '256,7,7', '384,3,3', '384,3,3', '512,3,3', '512,3,3']],
  ] as const)('the features of LPIPS %s have the shapes of torchvision', (net, expected) => {
    expect(shapesOf(net, [1, 3, 64, 64]).map(shape => shape.slice(1).join())).toEqual(expected);
  });

  /** {@link LEAST_SIDES}, computed: the shortest side of pictures in pixels for which each layer has an output. */
  function leastSide(name: LpipsNet): number {
    return TRUNKS[name].toReversed().reduce((size, layer) => {
      if (layer.kind === 'fire') return size;
      if (layer.kind === 'pool') return layer.kernel + POOL_STRIDE * (size - 1) - (layer.cutsOff && size > 1 ? 1 : 0);
      return Math.max(1, layer.kernel + layer.stride * (size - 1) - 2 * layer.padding);
    }, 1);
  }

  it.each(LPIPS_NETS)('LPIPS %s refuses pictures below its least side, and takes those of it', net => {
    const least = leastSide(net);
    expect(LEAST_SIDES[net]).toBe(least);
    expect(shapesOf(net, [1, 3, least, least]).every(shape => shape.every(size => size > 0))).toBe(true);
    expect(() => shapesOf(net, [1, 3, 64, least - 1])).toThrow(`${least - 1} x 64 is too small for LPIPS ${net}`);
  });
});
