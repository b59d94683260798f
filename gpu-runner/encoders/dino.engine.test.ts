import { describe, expect, it } from 'vitest';
import { DINO_NETS, type DinoNet } from '../../configs/dino.ts';
import { encodeSafetensors } from '../../formats/safetensors.ts';
import type { Tensor } from '../compiler/tensor.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { differenceFrom, golden } from '../engines/testing/goldens.ts';
import { dinoEncoder, dinoProgram } from './dino.ts';
import type { EncoderInput } from './encoder.ts';
import { readGoldenFile, SMALL_V3 } from './vit/testing/golden-file.ts';

const NET: DinoNet = { name: 'small', patch: 4, blocks: 2, ...SMALL_V3 };
const { weights, others } = readGoldenFile('dinov3');
const FILE = encodeSafetensors(weights);
const engine = createOnnxRuntimeEngine({ threads: 1 });

const open = (options: object, files = [FILE], net = NET) =>
  dinoEncoder(net).open(engine, { stride: 4, layers: 'last', ...options }, async () => files);

async function encode(options: object, inputs: readonly EncoderInput[]) {
  const encoder = await open(options);
  try {
    return await encoder.encode(inputs);
  } finally {
    await encoder.dispose();
  }
}

/** The pictures of a golden, and what it expects of each. */
function pictures(i: number): EncoderInput[] {
  const { shape, data } = golden(others, `picture${i}`);
  const [count = 0, , height = 0, width = 0] = shape;
  return Array.from({ length: count }, (_, row) => {
    const area = 3 * height * width;
    return { image: { height, width, data: Uint8Array.from(data.subarray(row * area, (row + 1) * area)) } };
  });
}

function rowOf(name: string, row: number): Tensor {
  const { shape, data } = golden(others, name);
  const count = data.length / (shape[0] ?? 1);
  return { shape: shape.slice(1), dtype: 'f32', data: data.slice(row * count, (row + 1) * count) };
}

describe('a DINO as an encoder', () => {
  it.each([
    ['last', 'cls', 'patches'],
    ['sum_2', 'sum_cls', 'sum'],
  ])('with layers %s it gives each picture of mixed sizes the tokens of transformers', async (layers, cls, patches) => {
    const [first, second] = pictures(0);
    const [third, fourth] = pictures(1);
    if (!first || !second || !third || !fourth) throw new Error('a golden has two pictures');
    const encoded = await encode({ layers }, [first, third, second, fourth]);
    for (const [i, [file, row]] of [[0, 0] as const, [1, 0] as const, [0, 1] as const, [1, 1] as const].entries()) {
      const found = (array: { shape: readonly number[]; data: Float32Array } | undefined): Tensor | undefined =>
        array && { ...array, dtype: 'f32' };
      expect(differenceFrom(found(encoded[i]?.cls), rowOf(`${cls}${file}`, row)), `cls ${i}`).toBeLessThan(1e-5);
      expect(differenceFrom(found(encoded[i]?.patches), rowOf(`${patches}${file}`, row)), `${i}`).toBeLessThan(1e-5);
    }
  });

  it('with another stride it sees the picture at the size at which a patch covers that', async () => {
    // A picture of one colour has no edges that a resize could blur.
    const flat = (height: number, width: number) => ({
      image: { height, width, data: new Uint8Array(3 * height * width).fill(90) },
    });
    const [large] = await encode({ stride: 6 }, [flat(18, 24)]);
    const [small] = await encode({ stride: 4 }, [flat(12, 16)]);
    expect(large?.patches?.shape).toEqual([3, 4, 24]);
    const far = large?.patches?.data.map((x, i) => Math.abs(x - (small?.patches?.data[i] ?? Number.NaN))) ?? [];
    expect(Math.max(...far)).toBeLessThan(1e-4);
  });

  it('with a basis, patches are its coordinates, which are stored in its steps', async () => {
    const numbers = (count: number, scale: number) =>
      Float32Array.from({ length: count }, (_, i) => scale * Math.sin(i * i));
    const basis = {
      mean: { dtype: 'f32', shape: [24], data: numbers(24, 1) },
      basis: { dtype: 'f32', shape: [24, 256], data: numbers(24 * 256, 0.2) },
      steps: { dtype: 'f32', shape: [256], data: numbers(256, 0.01).map(x => 0.05 + x) },
    } as const;
    const openBasis = (file: Uint8Array) =>
      dinoEncoder(NET).open(engine, { stride: 4, pca: 256 }, async part => [part === 'pca' ? file : FILE]);
    const encoder = await openBasis(encodeSafetensors(basis));
    const [{ cls, patches } = {}] = await encoder.encode(pictures(1).slice(0, 1));
    await encoder.dispose();
    const whole = rowOf('patches1', 0);
    expect(cls?.shape).toEqual([24]);
    expect([patches?.shape, patches?.steps]).toEqual([[3, 5, 256], basis.steps.data]);
    const dot = (cell: number, k: number) =>
      basis.mean.data.reduce(
        (sum, mean, i) => sum + (whole.data[cell * 24 + i]! - mean) * basis.basis.data[i * 256 + k]!,
        0,
      );
    for (const [cell, k] of [[0, 0] as const, [7, 100] as const, [14, 255] as const]) {
      expect(patches?.data[cell * 256 + k]).toBeCloseTo(dot(cell, k), 3);
    }
    const { mean: _, ...rest } = basis;
    await expect(openBasis(encodeSafetensors(rest))).rejects.toThrow('the weights "pca" of small are no basis');
  });

  it('it refuses a picture that patches do not fill, and names the quantum', async () => {
    const odd = { image: { height: 16, width: 18, data: new Uint8Array(3 * 16 * 18) } };
    await expect(encode({}, [odd])).rejects.toMatchObject({
      message: 'a picture of 18 x 16 does not divide into patches of 4 pixels',
      hint: 'bucket the pictures with "quantum": 4, and sample such sizes',
    });
    await expect(encode({}, [{ caption: 'x' }])).rejects.toThrow('reads pictures, not captions');
  });

  it('it refuses weights of another network, incomplete ones, and a tensor that is there twice', async () => {
    const wide = { ...NET, hidden: 32 };
    await expect(open({}, [FILE], wide)).rejects.toThrow('the weights of small have patches of [24, 3, 4, 4]');
    await expect(open({}, [FILE], { ...NET, blocks: 3 })).rejects.toThrow('are of 2 blocks and patches of 4 pixels');
    const { 'layer.1.norm2.bias': _, ...rest } = weights;
    await expect(open({}, [encodeSafetensors(rest)])).rejects.toThrow('have no tensor "layer.1.norm2.bias"');
    const { 'norm.bias': bias } = weights;
    const again = encodeSafetensors({ 'norm.bias': bias! });
    await expect(open({}, [FILE, again])).rejects.toThrow('have the tensor "norm.bias" twice');
    const other = encodeSafetensors({
      ...weights,
      'norm.bias': { dtype: 'f32', shape: [1], data: new Float32Array(1) },
    });
    await expect(open({}, [other])).rejects.toThrow('have f32[1] as "norm.bias"');
  });

  it('it takes fewer pictures at once the larger they are', () => {
    const [net] = DINO_NETS;
    const shape = { ...net, registers: 4, inner: 4096, isGated: false, table: undefined };
    const { batchOf } = dinoProgram(shape, engine, { stride: 16, layers: 1 });
    expect([64, 256, 512, 1024].map(side => batchOf({ height: side, width: side }))).toEqual([8, 8, 3, 1]);
  });
});
