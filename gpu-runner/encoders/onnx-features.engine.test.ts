/** The oracle of a network is ONNX Runtime with the same file, that of a small one arithmetic by hand. */
import { expect, test, vi } from 'vitest';
import { featureNetSchema } from '../../configs/picture-net.ts';
import { floats, modelOf, node } from '../compiler/targets/onnx/testing/model-of.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { ort } from '../engines/onnxruntime/runtime.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import type { Picture } from './encoder.ts';
import { onnxFeatures } from './onnx-features.ts';
import { openPictureNet } from './onnx-picture-net.ts';
import { makeCopyNet } from './testing/copy-net.ts';

const MEAN = [0.485, 0.456, 0.406] as const;
const DEVIATION = [0.229, 0.224, 0.225] as const;
const CONFIG = { mean: MEAN, deviation: DEVIATION };

/** Random levels. */
function drawPicture(side: number, seed: number): Picture {
  let state = seed;
  const data = Uint8Array.from({ length: 3 * side * side }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return { data, height: side, width: side };
}

async function describe(model: Uint8Array, pictures: readonly Picture[], config: object = CONFIG, threads = 0) {
  const parts: Record<string, Uint8Array> = { model, config: Buffer.from(JSON.stringify(config)) };
  const engine = threads > 0 ? createOnnxRuntimeEngine({ threads }) : createReferenceEngine();
  const encoder = await onnxFeatures.open(engine, {}, async part => [parts[part] ?? new Uint8Array()]);
  const found = await encoder.encode(pictures.map(image => ({ image })));
  await encoder.dispose();
  await engine.dispose?.();
  return found.map(({ cls }) => cls);
}

async function runOrt(model: Uint8Array, { data, height, width }: Picture): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const area = height * width;
  const input = Float32Array.from(data, (level, i) => {
    const c = Math.floor(i / area);
    return (level / 255 - MEAN[c]!) / DEVIATION[c]!;
  });
  const { descriptor } = await session.run({ image: new ort.Tensor('float32', input, [1, 3, height, width]) });
  await session.release();
  return descriptor?.data as Float32Array;
}

test.each(['spelled', 'operator'] as const)(
  'a network of the shape of SSCD describes pictures as ONNX Runtime does, its norm %s',
  async norm => {
    const model = makeCopyNet({ channels: 4, dim: 24, norm });
    const pictures = [drawPicture(64, 3), drawPicture(64, 4)];
    const expected = await Promise.all(pictures.map(picture => runOrt(model, picture)));
    expect(Math.hypot(...(expected[0] ?? []))).toBeCloseTo(1, 5);
    // Two pictures differ by more than the network is off.
    expect(Math.max(...(expected[0] ?? []).map((x, i) => Math.abs(x - expected[1]![i]!)))).toBeGreaterThan(1e-3);
    for (const threads of norm === 'operator' ? [0, 1] : [1]) {
      const found = await describe(model, pictures, CONFIG, threads);
      for (const [i, cls] of found.entries()) {
        expect(cls?.shape).toEqual([24]);
        for (const [k, value] of (cls?.data ?? []).entries()) expect(value).toBeCloseTo(expected[i]?.[k] ?? 9, 5);
      }
    }
  },
);

/** Means of the colours, brought to length 1. */
const MEANS = modelOf(
  [1, 3, 2, 2],
  [1, 3],
  [node('GlobalAveragePool', 'x', 'p'), node('Flatten', 'p', 'f'), node('LpNormalization', 'f', 'y')],
);

test('the numbers of a small network are those of arithmetic by hand', async () => {
  const picture = { data: Uint8Array.of(255, 255, 255, 255, 0, 255, 0, 255, 0, 0, 0, 0), height: 2, width: 2 };
  const [cls] = await describe(MEANS, [picture], { mean: [0, 0, 0], deviation: [1, 1, 0.5] });
  const length = Math.sqrt(1.25);
  expect([...(cls?.data ?? [])].map(x => Number(x.toFixed(6)))).toEqual(
    [1, 0.5, 0].map(x => Number((x / length).toFixed(6))),
  );
  const [blue] = await describe(MEANS, [picture], { mean: [0, 0, 0], deviation: [1, 1, 1], channels: 'bgr' });
  expect(blue?.data[0]).toBe(0);
});

test('the outputs of a classifier are features, too', async () => {
  const picture = drawPicture(2, 1);
  const [cls] = await describe(MEANS, [picture], { ...CONFIG, labels: ['a', 'b', 'c'], scores: 'none' });
  expect(cls?.shape).toEqual([3]);
});

/** One filter of 64 x 64 pixels, whose outputs are as many as the pixels. */
const SLOW = modelOf(
  [1, 3, 4096, 4096],
  [1, 5],
  [
    node('Conv', 'x w', 'c', { pads: [31, 31, 32, 32] }),
    node('GlobalAveragePool', 'c', 'p'),
    node('Flatten', 'p', 'y'),
  ],
  [floats('w', [5, 3, 64, 64])],
);

test('a network that takes too many operations is refused before anything of its size is made', async () => {
  const engine = createReferenceEngine();
  const compile = vi.spyOn(engine, 'compile');
  const open = (config: object, of = SLOW) => {
    const parts: Record<string, Uint8Array> = { model: of, config: Buffer.from(JSON.stringify(config)) };
    return onnxFeatures.open(engine, {}, async part => [parts[part] ?? new Uint8Array()]);
  };
  await expect(open(CONFIG)).rejects.toMatchObject({
    status: 422,
    message: 'the network "model" takes for a picture of 4096 x 4096 2060 billion operations',
    expected: 'at most 2000 billion operations: "most_operations" in the config of the extractor',
    hint: expect.stringContaining('a thousand pictures take 5.7 hours: raise most_operations'),
  });
  await expect(open({ ...CONFIG, most_operations: 0 })).rejects.toThrow('/most_operations');
  expect(compile).not.toHaveBeenCalled();
  const small = modelOf([1, 3, 8, 8], [1, 1, 8, 8], [node('Conv', 'x w', 'y')], [floats('w', [1, 3, 1, 1])]);
  await expect(open({ ...CONFIG, most_operations: 383 }, small)).rejects.toThrow('3.84e-7 billion operations');
  const { cost } = await open({ ...CONFIG, most_operations: 384 }, small);
  expect(cost).toBe('each picture takes 3.84e-7 billion operations and 1 MiB of memory');
});

test('a network that takes more memory than the machine has is refused, whatever its config allows', async () => {
  const input = featureNetSchema.parse({ ...CONFIG, most_operations: 1e15 });
  const open = openPictureNet(createReferenceEngine(), SLOW, input, 'the config', 2 ** 28);
  await expect(open).rejects.toMatchObject({
    message: 'the network "model" takes for a picture of 4096 x 4096 513 MiB of memory',
    expected: 'at most 256 MiB, which this machine has',
  });
});

test('a config and a network that do not fit are refused with what would', async () => {
  const picture = drawPicture(2, 1);
  await expect(describe(MEANS, [picture], { mean: MEAN })).rejects.toThrow('the config of the extractor: /deviation');
  await expect(describe(MEANS, [picture], { ...CONFIG, copies_above: 2 })).rejects.toThrow('/copies_above');
  const several = modelOf([1, 3, 2, 2], [1, 3, 2, 2], [node('Div', 'x z', 'y')], [floats('z', [], 1, () => 0)]);
  await expect(describe(several, [picture])).rejects.toThrow('numbers that are not finite');
});
