/** @file What it costs to run a pretrained network: operations, memory. Estimates from the sizes of its layers. */
import { MODEL_PACKAGES } from './model-packages.ts';
import type { SourceNet } from './model-sources.ts';
import { MODEL_SOURCES } from './model-table.ts';

/** Share of the engine's rate in matrix products that transformers reach, and networks of convolutions. */
export const REACHED = { transformer: 0.6, convolutions: 0.3 } as const;
/** Tokens that an encoder has in work at once. */
const TOKENS_AT_ONCE = 4096;
/** Bytes of a token in work, for each number of its vector: the widest layers, and scores of attention. */
const BYTES_PER_NUMBER = 60;
/** Pixels of the side of a patch of the encoders' usual stride. */
export const STRIDE = 16;

/** Networks of transformers in wheels. */
const OTHER_NETS: Readonly<Record<string, SourceNet>> = {
  'minilm-l6': { reads: 'caption', width: 384, blocks: 6, inner: 384, hidden: 1536, products: 2 },
};
/** Products per pixel of a picture (README of tensorflow/tpu, efficientnet/lite: at 224 and at 260 pixels a side). */
const EFFICIENTNETS: Readonly<Record<string, number>> = {
  'efficientnet-lite0': 407e6 / 224 ** 2,
  'efficientnet-lite2': 899e6 / 260 ** 2,
};
/** Patches of 8 pixels need a second run on a picture of twice the sides. */
const EFFICIENTNET_PIXELS = 5;

/** One kind of input of an encoder, so many times. */
export interface InputKind {
  readonly count: number;
  /** Of a caption. */
  readonly tokens?: number;
  /** Of a picture, in pixels. */
  readonly size?: { readonly width: number; readonly height: number };
}

export interface NetCost {
  readonly reads: 'caption' | 'image';
  /** Additions and multiplications of all inputs. */
  readonly operations: number;
  /** Share of the engine's rate that is assumed. */
  readonly reached: number;
  /** It computes in f32, whatever the precision of the engine is. */
  readonly isF32: boolean;
  /** Bytes of weights as they are computed with, in f32. */
  readonly weightBytes: number;
  /** Bytes of the work on one batch, roughly. */
  readonly workBytes: number;
}

/** Undefined for a network whose layers no row states. */
export function costOf(
  model: string,
  { texts, pictures }: Record<'texts' | 'pictures', readonly InputKind[]>,
): NetCost | undefined {
  const source = MODEL_SOURCES.find(({ name }) => name === model);
  const pinned = MODEL_PACKAGES.find(({ name }) => name === model);
  const weightBytes = source
    ? Object.values(source.parts).reduce(
        (sum, { elements, size = 0, format }) => sum + (elements ? 4 * elements : format === 'file' ? size : 0),
        0,
      )
    : (pinned?.size ?? 0) * 1e6;
  const sum = (kinds: readonly InputKind[], each: (kind: InputKind) => number) =>
    kinds.reduce((total, kind) => total + kind.count * each(kind), 0);
  const products = EFFICIENTNETS[model];
  if (products !== undefined) {
    const operations = sum(pictures, ({ size }) => 2 * products * EFFICIENTNET_PIXELS * areaOf(size));
    return { reads: 'image', operations, reached: REACHED.convolutions, isF32: true, weightBytes, workBytes: 100e6 };
  }
  const net = source?.net ?? OTHER_NETS[model];
  if (net === undefined) return undefined;
  if ('operations' in net) {
    const operations = sum(pictures, () => net.operations);
    return {
      reads: 'image',
      operations,
      reached: REACHED.convolutions,
      isF32: true,
      weightBytes,
      workBytes: 2 * weightBytes,
    };
  }
  const workBytes = TOKENS_AT_ONCE * BYTES_PER_NUMBER * net.width;
  const operations =
    net.reads === 'caption'
      ? sum(texts, ({ tokens = 0 }) => textOperations(net, tokens))
      : sum(pictures, ({ size }) => pictureOperations(net, areaOf(size) / STRIDE ** 2));
  return { reads: net.reads, operations, reached: REACHED.transformer, isF32: false, weightBytes, workBytes };
}

const areaOf = (size: InputKind['size']) => (size ? size.width * size.height : 0);

type TextNet = Extract<SourceNet, { readonly reads: 'caption' }>;
type PatchNet = Extract<SourceNet, { readonly patch: number }>;

/** Of a text of n tokens: four products of attention, those of the feed-forward part, and scores with their sums. */
export function textOperations({ width, blocks, inner, hidden, products }: TextNet, n: number): number {
  return blocks * (2 * n * width * (4 * inner + products * hidden) + 4 * n ** 2 * inner);
}

/** Of a picture of n patches; the feed-forward part is four times as wide. */
export function pictureOperations({ width, blocks, patch }: PatchNet, n: number): number {
  return blocks * (24 * n * width ** 2 + 4 * n ** 2 * width) + 2 * n * 3 * patch ** 2 * width;
}
