/** The oracle of the network is ONNX Runtime with the same file; that of the scaling is Pillow. */
import { expect, test } from 'vitest';
import { floats, modelOf, node } from '../compiler/targets/onnx/testing/model-of.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { ort } from '../engines/onnxruntime/runtime.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import type { Picture } from './encoder.ts';
import { onnxClassifier } from './onnx-classifier.ts';
import { scalePicture } from './scale-picture.ts';

/** Random levels; make-golden.py of DWPose has the same generator. */
function drawPicture(height: number, width: number, seed: number): Picture {
  let state = seed;
  const data = Uint8Array.from({ length: 3 * height * width }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return { data, height, width };
}

const MODEL = modelOf(
  [1, 3, 8, 6],
  [1, 3],
  [
    node('Conv', 'x w b', 'c', { strides: [2, 2], pads: [1, 1, 1, 1] }),
    node('Relu', 'c', 'r'),
    node('GlobalAveragePool', 'r', 'p'),
    node('Flatten', 'p', 'f'),
    node('Gemm', 'f g h', 'y', { transB: 1 }),
  ],
  [floats('w', [5, 3, 3, 3]), floats('b', [5], 2), floats('g', [3, 5], 3, x => 4 * x), floats('h', [3], 4)],
);
const MEAN = [0.485, 0.456, 0.406] as const;
const DEVIATION = [0.229, 0.224, 0.225] as const;
const CONFIG = { labels: ['cat', 'dog', 'text'], mean: MEAN, deviation: DEVIATION };

const open = (config: unknown = CONFIG, model: Uint8Array = MODEL, engine = createReferenceEngine()) => {
  const parts: Record<string, Uint8Array> = { model, config: Buffer.from(JSON.stringify(config)) };
  return onnxClassifier.open(engine, {}, async part => [parts[part] ?? new Uint8Array()]);
};
async function scoresOf(picture: Picture, ...args: Parameters<typeof open>) {
  const encoder = await open(...args);
  const [found] = await encoder.encode([{ image: picture }]);
  await encoder.dispose();
  return found?.facts ?? {};
}

/** Outputs of ONNX Runtime for a picture of the network's size. */
async function runOrt({ data }: Picture, order: readonly number[] = [0, 1, 2]): Promise<number[]> {
  const session = await ort.InferenceSession.create(MODEL);
  const input = new Float32Array(data.length);
  for (const [c, from] of order.entries()) {
    for (let i = 0; i < 48; i++) input[c * 48 + i] = (data[from * 48 + i]! / 255 - MEAN[c]!) / DEVIATION[c]!;
  }
  const { y } = await session.run({ x: new ort.Tensor('float32', input, [1, 3, 8, 6]) });
  return Array.from(y?.data as Float32Array);
}

test.each([createReferenceEngine(), createOnnxRuntimeEngine({ threads: 1 })])(
  'scores on $name are those of ONNX Runtime, as outputs, softmax or sigmoid, in both orders of channels',
  async engine => {
    const picture = drawPicture(8, 6, 3);
    const outputs = await runOrt(picture);
    const total = outputs.reduce((sum, x) => sum + Math.exp(x), 0);
    for (const [scores, expected] of [
      ['none', outputs],
      ['softmax', outputs.map(x => Math.exp(x) / total)],
      ['sigmoid', outputs.map(x => 1 / (1 + Math.exp(-x)))],
    ] as const) {
      const found = await scoresOf(picture, { ...CONFIG, scores }, MODEL, engine);
      expect(Object.keys(found)).toEqual(CONFIG.labels);
      for (const [i, value] of Object.values(found).entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 4);
    }
    const blue = await runOrt(picture, [2, 1, 0]);
    const found = await scoresOf(picture, { ...CONFIG, scores: 'none', channels: 'bgr' }, MODEL, engine);
    for (const [i, value] of Object.values(found).entries()) expect(value).toBeCloseTo(blue[i] ?? Number.NaN, 4);
  },
);

test('a network whose channels come last, and one without stated sides, read the same picture', async () => {
  const turned = modelOf(
    [1, 8, 6, 3],
    [1, 3],
    [
      node('Transpose', 'x', 't', { perm: [0, 3, 1, 2] }),
      node('GlobalAveragePool', 't', 'p'),
      node('Flatten', 'p', 'y'),
    ],
  );
  const plain = modelOf([1, 3, 8, 6], [1, 3], [node('GlobalAveragePool', 'x', 'p'), node('Flatten', 'p', 'y')]);
  const picture = drawPicture(20, 30, 5);
  const config = { ...CONFIG, scores: 'none' };
  expect(await scoresOf(picture, config, turned)).toEqual(await scoresOf(picture, config, plain));
  expect(await scoresOf(picture, { ...config, size: { width: 6, height: 8 } }, plain)).toEqual(
    await scoresOf(picture, config, plain),
  );
});

/** Height, width, sum of each channel, first, last and middle pixel, by Pillow 12. */
const PILLOW = [
  [5, 4, [2527, 2453, 2778], [133, 124, 164], [121, 141, 138], [120, 130, 155]],
  [11, 20, [28131, 27344, 30674], [60, 184, 163], [252, 194, 96], [70, 92, 198]],
] as const;

test('pictures become smaller and larger as by the bilinear filter of Pillow', () => {
  const picture = drawPicture(9, 13, 1);
  for (const [height, width, sums, first, last, middle] of PILLOW) {
    const area = height * width;
    const levels = scalePicture(picture, { height, width }, 'squash').map(Math.round);
    const pixel = (place: number) => [0, 1, 2].map(c => levels[c * area + place] ?? 0);
    const near = (a: readonly number[], b: readonly number[], by: number) =>
      expect(Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? 0))))).toBeLessThanOrEqual(by);
    near(pixel(0), first, 1);
    near(pixel(area - 1), last, 1);
    near(pixel(Math.floor(height / 2) * width + Math.floor(width / 2)), middle, 1);
    // Pillow rounds twice.
    near(
      [0, 1, 2].map(c => levels.slice(c * area, (c + 1) * area).reduce((sum, x) => sum + x, 0) / area),
      sums.map(x => x / area),
      0.2,
    );
  }
});
test('crop reads the middle of a picture in the shape of the network', () => {
  const wide = new Uint8Array(3 * 4 * 12).fill(0);
  for (let row = 0; row < 12; row++) wide.fill(200, row * 12 + 4, row * 12 + 8);
  const picture = { data: wide, height: 4, width: 12 };
  expect([...scalePicture(picture, { height: 2, width: 2 }, 'crop')].every(level => level > 120)).toBe(true);
  expect(Math.min(...scalePicture(picture, { height: 3, width: 9 }, 'squash'))).toBe(0);
});

test('a config and a network that do not fit are refused with what would', async () => {
  await expect(open({ ...CONFIG, labels: ['cat', 'cat', 'dog'] })).rejects.toThrow('/labels: ');
  await expect(open({ ...CONFIG, labels: ['cat'] })).rejects.toThrow('the network "model" makes 3 numbers');
  await expect(open({ labels: ['a'] })).rejects.toThrow('the config of the classifier: /mean');
  await expect(open({ ...CONFIG, deviation: [1, 0, 1] })).rejects.toThrow('numbers above 0');
  await expect(open({ ...CONFIG, size: { width: 9, height: 8 } })).rejects.toThrow('reads pictures of the width 6');
  const flat = modelOf([1, 3], [1, 3], [node('Relu', 'x', 'y')]);
  await expect(open(CONFIG, flat)).rejects.toThrow('the network "model" reads [1, 3]');
  await expect(open(CONFIG, Buffer.from('x'))).rejects.toThrow(
    'the network "model" cannot be read: a message of protocol buffers ends',
  );
});
