/**
 * @file The image encoders `efficientnet-lite0` and `-lite2` on an engine. Their convolutions compute in f32, whatever
 * the engine's precision is.
 */
import { z } from 'zod';
import { Unprocessable } from '../../errors.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { trace } from '../compiler/trace.ts';
import { countPixels, describePictures } from './efficientnet/features.ts';
import { foldNorms, spreadOfStage } from './efficientnet/fold-norms.ts';
import { type EfficientNet, LITE0, LITE2 } from './efficientnet/network.ts';
import type { RunnerEncoder } from './encoder.ts';
import { type PictureNet, PicturePrograms } from './picture-programs.ts';

/** Pictures between two breaths of the gpu-runner. */
const BATCH = 8;
/** Pixels of the network's input at once, about 400 bytes of memory each: what stays in the cache of a CPU core. */
const BATCH_PIXELS = 2 ** 15;

/** Index of the last stage of stride 16. */
export const PATCH_STAGE = 4;

const optionsSchema = z.strictObject({ stride: z.literal([4, 8, 16]) });

const encoderOf = (net: EfficientNet): RunnerEncoder => ({
  version: 1,
  signals: ['cls', 'patches'],
  batch: BATCH,
  async open(engine, options, readWeights) {
    const { stride } = optionsSchema.parse(options);
    const files = await readWeights('model');
    const [file] = files;
    if (file === undefined || files.length > 1) {
      throw new Unprocessable(`the weights of ${net.name} are in ${files.length} files`, { expected: 'one file' });
    }
    return new PicturePrograms(engine, readPictureNet(net, PATCH_STAGE, file, stride));
  },
});

export const EFFICIENTNET_ENCODERS: Readonly<Record<string, RunnerEncoder>> = Object.fromEntries(
  [LITE0, LITE2].map(net => [net.name, encoderOf(net)]),
);

/**
 * @param file safetensors of the package efficientnet_lite_pytorch.
 * @param stage Index of the stage that describes patches. @param stride Pixels per patch.
 */
export function readPictureNet(net: EfficientNet, stage: number, file: Uint8Array, stride: number): PictureNet {
  const { tensors } = decodeSafetensors(file);
  // Literals: engines arrange the weights of a convolution once, and run it two to three times as fast.
  const literals = new Map(Object.entries(foldNorms(net, tensors)).map(([name, { data }]) => [name, [...data]]));
  const spread = spreadOfStage(net, stage, tensors);
  return {
    batchOf(size) {
      const pixels = countPixels({ net, stage }, size, stride);
      return Math.min(BATCH, Math.max(1, Math.floor(BATCH_PIXELS / pixels)));
    },
    trace: (batch, { height, width }) =>
      trace(builder => {
        const literal = (values: readonly number[], shape: readonly number[]) => builder.constant(values, shape, 'f32');
        const picture = builder.input('pictures', { shape: [batch, 3, height, width], dtype: 'f32' });
        const features = describePictures(
          picture,
          {
            net,
            stage,
            param: (name, shape) => literal(literals.get(name) ?? [], shape),
            mean: literal([...spread.mean], [spread.mean.length]),
            deviation: literal([...spread.deviation], [spread.deviation.length]),
          },
          stride,
        );
        return { outputs: { ...features } };
      }),
  };
}
