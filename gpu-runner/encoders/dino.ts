/** @file The image encoders DINOv3 and DINOv2 on an engine, in its precision. */
import { DINO_NETS, type DinoNet, dinoOptions, summedBlocks } from '../../configs/dino.ts';
import { Unprocessable } from '../../errors.ts';
import type { Engine } from '../compiler/engine.ts';
import { interpolate } from '../compiler/resample.ts';
import { trace, type Value } from '../compiler/trace.ts';
import type { PictureSize } from '../model/batch.ts';
import type { RunnerEncoder } from './encoder.ts';
import { type NetWeights, openWeights, refuseWeights } from './net-weights.ts';
import { readBasis, reducePatches, storeInSteps } from './pca-basis.ts';
import { type PictureNet, PicturePrograms } from './picture-programs.ts';
import { describePatches, stateWeights } from './vit/network.ts';
import { packWeights, readVitShape, type VitShape, weightSpecs } from './vit/pack-weights.ts';
import { sharedName } from './vit/tensor-names.ts';

/** Pictures between two breaths of the gpu-runner. */
const BATCH = 8;
/** Tokens at once: products of so many rows are at their full speed. About 60 kB of memory each in the largest net. */
const BATCH_TOKENS = 4096;

export const DINO_ENCODERS: Readonly<Record<string, RunnerEncoder>> = Object.fromEntries(
  DINO_NETS.map(net => [net.name, dinoEncoder(net)]),
);

/** The encoder of a network; its weights are the files of the Hugging Face hub. */
export function dinoEncoder(net: DinoNet): RunnerEncoder {
  return {
    version: 1,
    signals: ['cls', 'patches'],
    batch: BATCH,
    async open(engine, given, readWeights) {
      const { stride, layers, pca } = dinoOptions(net).parse(given);
      const file = openWeights(net.name, await readWeights('model'), { rename: sharedName });
      const shape = readShape(net, file);
      const basis = pca === undefined ? undefined : readBasis(net.name, await readWeights('pca'), net.hidden, pca);
      const view = { stride, layers: summedBlocks(layers), ...(pca !== undefined && { pca }) };
      const packed = packWeights(shape, file, engine.precision ?? 'f32');
      const programs = new PicturePrograms(
        engine,
        dinoProgram(shape, engine, view),
        basis ? chain(packed, basis.state) : packed,
      );
      return basis ? storeInSteps(programs, basis.steps) : programs;
    },
  };
}

export interface DinoView {
  /** Pixels per patch. */
  readonly stride: number;
  /** Number of last blocks that are summed. */
  readonly layers: number;
  /** Numbers to which a patch is reduced; absent: it keeps all. */
  readonly pca?: number;
}

/** @throws Unprocessable if the weights are of another network. */
function readShape(net: DinoNet, file: NetWeights): VitShape {
  const shape = readVitShape(net, file);
  if (shape.patch === net.patch && shape.blocks === net.blocks) return shape;
  const found = `are of ${shape.blocks} blocks and patches of ${shape.patch} pixels`;
  throw refuseWeights(file.encoder, found, `${net.blocks} blocks and patches of ${net.patch} pixels`);
}

function* chain<T>(...parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}

/** The network for {@link PicturePrograms}. Its state is that of {@link packWeights}. */
export function dinoProgram(
  shape: VitShape,
  { precision = 'f32', tuning: { fusesAttention = false } = {} }: Pick<Engine, 'precision' | 'tuning'>,
  { stride, layers, pca }: DinoView,
): PictureNet {
  const specs = weightSpecs(shape, precision);
  return {
    batchOf: ({ height, width }) => {
      const tokens = 1 + shape.registers + (height * width) / stride ** 2;
      return Math.min(BATCH, Math.max(1, Math.floor(BATCH_TOKENS / tokens)));
    },
    trace: (batch, size) => {
      checkSize(size, stride);
      return trace(builder => {
        const { height, width } = size;
        const picture = builder.input('pictures', { shape: [batch, 3, height, width], dtype: 'f32' });
        const seen = fitPatches(picture, stride, shape.patch);
        const weight = stateWeights(builder, specs);
        const { cls, patches } = describePatches(seen, shape, weight, { layers, fusesAttention });
        return { outputs: { cls, patches: pca === undefined ? patches : reducePatches(patches, pca) } };
      });
    },
  };
}

/** @throws Unprocessable that names the quantum for buckets. */
function checkSize({ height, width }: PictureSize, stride: number): void {
  if (height % stride === 0 && width % stride === 0) return;
  throw new Unprocessable(`a picture of ${width} x ${height} does not divide into patches of ${stride} pixels`, {
    expected: `sides that are multiples of the stride, ${stride}`,
    hint: `bucket the pictures with "quantum": ${stride}, and sample such sizes`,
  });
}

/** The picture at the size at which a patch covers `stride` pixels; the same one if it does already. */
function fitPatches(picture: Value, stride: number, patch: number): Value {
  const [, , height = 0, width = 0] = picture.shape;
  const tall = interpolate(picture, 2, (height / stride) * patch, 'linear', true);
  return interpolate(tall, 3, (width / stride) * patch, 'linear', true);
}
