import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.ts';
import type { Engine } from '../compiler/engine.ts';
import { enlarge } from '../compiler/enlarge.ts';
import { mul, reduceSum } from '../compiler/functions.ts';
import { trace } from '../compiler/trace.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { foldNorms, spreadOfStage } from './efficientnet/fold-norms.ts';
import { efficientNet, LITE0 } from './efficientnet/network.ts';
import { makeRandomWeights } from './efficientnet/testing/random-weights.ts';
import { readGoldenFile, SMALL } from './efficientnet/testing/small-net.ts';
import { EFFICIENTNET_ENCODERS, PATCH_STAGE, readPictureNet } from './efficientnet-lite.ts';
import type { EncodedSignals, EncoderInput } from './encoder.ts';
import { PicturePrograms } from './picture-programs.ts';

const file = readGoldenFile('small');
/** The stage of the narrow network that describes patches has stride 8. */
const STAGE = 2;

function drawPicture(height: number, width: number, seed: number): EncoderInput {
  let state = seed;
  const data = Uint8Array.from({ length: 3 * height * width }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return { image: { data, height, width } };
}

const encodeOn = async (engine: Engine, stride: number, inputs: readonly EncoderInput[]) => {
  const programs = new PicturePrograms(engine, readPictureNet(SMALL, STAGE, file, stride));
  try {
    return await programs.encode(inputs);
  } finally {
    await programs.dispose();
  }
};

/** Largest difference of two encoded pictures. */
function difference(a: EncodedSignals | undefined, b: EncodedSignals | undefined): number {
  const largest = (['cls', 'patches'] as const).map(signal => {
    const [x, y] = [a?.[signal], b?.[signal]];
    if (x === undefined || y === undefined || x.shape.join() !== y.shape.join()) return Number.POSITIVE_INFINITY;
    return Math.max(...x.data.map((value, i) => Math.abs(value - (y.data[i] ?? Number.NaN))));
  });
  return Math.max(...largest);
}

describe('an EfficientNet as an encoder', () => {
  const engine = createOnnxRuntimeEngine({ threads: 1 });

  it('pools a picture that is enlarged to 128 pixels, and describes patches of the asked size', async () => {
    const input = drawPicture(32, 40, 1);
    const [{ cls, patches } = {}] = await encodeOn(engine, 4, [input]);
    // The same in separate steps on the reference engine.
    const { tensors } = decodeSafetensors(file);
    const reference = createReferenceEngine();
    const graph = trace(builder => {
      const picture = builder.input('picture', { shape: [1, 3, 32, 40], dtype: 'f32' });
      const run = (factor: number) =>
        efficientNet(enlarge(picture, factor), SMALL, (name, shape) => builder.state(name, { shape, dtype: 'f32' }));
      return { outputs: { pooled: run(4).pooled, map: run(2).stages[STAGE]! } };
    });
    const executable = await reference.compile(graph);
    const image = 'image' in input ? input.image : undefined;
    const data = Float32Array.from(image?.data ?? []);
    const feeds = { picture: { shape: [1, 3, 32, 40], dtype: 'f32', data } } as const;
    const { pooled, map } = await executable.run(reference.createState(foldNorms(SMALL, tensors)), feeds);
    expect(cls?.shape).toEqual([7]);
    for (const [i, value] of (cls?.data ?? []).entries()) expect(value).toBeCloseTo(pooled?.data[i] ?? Number.NaN, 4);
    const { mean, deviation } = spreadOfStage(SMALL, STAGE, tensors);
    expect(patches?.shape).toEqual([8, 10, 5]);
    for (const [i, value] of (patches?.data ?? []).entries()) {
      const [channel, place] = [i % 5, Math.floor(i / 5)];
      const raw = map?.data[channel * 80 + place] ?? Number.NaN;
      expect(value).toBeCloseTo((raw - mean[channel]!) / deviation[channel]!, 3);
    }
  });

  it('gives each picture of a mixed batch what it gives the picture alone, in order', async () => {
    const sizes = [
      [32, 32],
      [48, 32],
      [32, 32],
      [32, 48],
      [32, 32],
      [48, 32],
      [16, 16],
      [64, 64],
    ] as const;
    const inputs = sizes.map(([height, width], i) => drawPicture(height, width, i));
    const together = await encodeOn(engine, 8, inputs);
    expect(together.map(({ patches }) => patches?.shape)).toEqual(sizes.map(([h, w]) => [h / 8, w / 8, 5]));
    for (const [i, input] of inputs.entries()) {
      const [alone] = await encodeOn(engine, 8, [input]);
      expect(difference(alone, together[i]), `picture ${i}`).toBeLessThan(1e-4);
    }
    // All differ, so that a swap shows.
    expect(difference(together[0], together[2])).toBeGreaterThan(1e-2);
  });

  it('gives the same bits again, also when a batch is not full', async () => {
    const inputs = [1, 2, 3, 4, 5].map(seed => drawPicture(32, 32, seed));
    const [first, second] = [await encodeOn(engine, 8, inputs), await encodeOn(engine, 8, inputs)];
    expect(second).toEqual(first);
    expect((await encodeOn(engine, 8, inputs.slice(0, 3)))[2]).toEqual(first[2]);
  });

  it('leaves out pixels that fill no patch, and refuses a picture smaller than one', async () => {
    const [{ patches } = {}] = await encodeOn(engine, 8, [drawPicture(30, 17, 1)]);
    expect(patches?.shape).toEqual([3, 2, 5]);
    await expect(encodeOn(engine, 8, [drawPicture(7, 64, 1)])).rejects.toThrow(
      'a picture of 64 x 7 is smaller than a patch of 8 pixels',
    );
    await expect(encodeOn(engine, 8, [{ caption: 'x' }])).rejects.toThrow('reads pictures, not captions');
  });

  it('keeps few programs, and takes fewer pictures at once the larger they are', async () => {
    let open = 0;
    let most = 0;
    const counting: Engine = {
      ...createReferenceEngine(),
      async compile() {
        most = Math.max(most, ++open);
        return { peakBytes: 0, run: async () => ({}), dispose: async () => void open-- };
      },
    };
    const net = {
      batchOf: () => 2,
      trace: () => trace(b => ({ outputs: { y: reduceSum(mul(b.constant([1], [1]), 2), [0]) } })),
    };
    const programs = new PicturePrograms(counting, net);
    for (let side = 1; side < 10; side++) await programs.encode([drawPicture(side, 1, 1)]);
    expect(most).toBe(5);
    expect(open).toBe(4);
    await programs.dispose();
    expect(open).toBe(0);
    const weights = makeRandomWeights(LITE0);
    const { batchOf } = readPictureNet(LITE0, PATCH_STAGE, weights, 16);
    // Pictures of 64 pixels are enlarged to 128 for `cls`.
    expect([32, 64, 128, 256, 1024].map(side => batchOf({ height: side, width: side }))).toEqual([1, 1, 2, 1, 1]);
  });

  it.each(Object.entries(EFFICIENTNET_ENCODERS))(
    '%s refuses weights of another network, and several files',
    async (name, encoder) => {
      const open = (files: readonly Uint8Array[]) => encoder.open(engine, { stride: 8 }, async () => files);
      await expect(open([file])).rejects.toThrow('the weights have f32[4, 3, 3, 3] as "_conv_stem.weight"');
      await expect(open([encodeSafetensors({})])).rejects.toMatchObject({
        message: 'the weights have no tensor "_conv_stem.weight"',
        expected: `f32[32, 3, 3, 3]: the weights of \`easel models install ${name}\``,
      });
      await expect(open([file, file])).rejects.toThrow('are in 2 files');
      await expect(encoder.open(engine, { stride: 5 }, async () => [file])).rejects.toThrow();
    },
  );
});
