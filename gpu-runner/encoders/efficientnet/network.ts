/**
 * @file EfficientNet-Lite (arXiv 1905.11946; tensorflow/tpu models/official/efficientnet/lite): convolutions with
 * ReLU6, without squeeze-and-excitation. Norms are folded into the convolutions. Differentiable by its input and
 * parameters.
 */
import { conv2d } from '../../compiler/convolution.ts';
import { add, div, max, min, reduceMean, reshape, sub } from '../../compiler/functions.ts';
import type { Shape } from '../../compiler/tensor.ts';
import type { Value } from '../../compiler/trace.ts';

/**
 * Blocks of one width. The first one has the stride and changes the width, the others add their input to their output.
 */
export interface Stage {
  readonly repeats: number;
  /** Side of the depthwise kernel. */
  readonly kernel: number;
  readonly stride: 1 | 2;
  /** Channels inside of a block, as a multiple of its input's. */
  readonly expand: number;
  readonly outputs: number;
}

export interface EfficientNet {
  /** Of its pinned weights, for errors. */
  readonly name: string;
  /** Channels after the first convolution, which has stride 2. */
  readonly stem: number;
  readonly stages: readonly Stage[];
  /** Channels of the last convolution, and of the pooled features. */
  readonly head: number;
}

export const LITE0: EfficientNet = {
  name: 'efficientnet-lite0',
  stem: 32,
  stages: [
    { repeats: 1, kernel: 3, stride: 1, expand: 1, outputs: 16 },
    { repeats: 2, kernel: 3, stride: 2, expand: 6, outputs: 24 },
    { repeats: 2, kernel: 5, stride: 2, expand: 6, outputs: 40 },
    { repeats: 3, kernel: 3, stride: 2, expand: 6, outputs: 80 },
    { repeats: 3, kernel: 5, stride: 1, expand: 6, outputs: 112 },
    { repeats: 4, kernel: 5, stride: 2, expand: 6, outputs: 192 },
    { repeats: 1, kernel: 3, stride: 1, expand: 6, outputs: 320 },
  ],
  head: 1280,
};

/** 1.1 times as wide and 1.2 times as deep as Lite0; ends and widths of stem and head stay. */
export const LITE2: EfficientNet = {
  name: 'efficientnet-lite2',
  stem: 32,
  stages: [
    { repeats: 1, kernel: 3, stride: 1, expand: 1, outputs: 16 },
    { repeats: 3, kernel: 3, stride: 2, expand: 6, outputs: 24 },
    { repeats: 3, kernel: 5, stride: 2, expand: 6, outputs: 48 },
    { repeats: 4, kernel: 3, stride: 2, expand: 6, outputs: 88 },
    { repeats: 4, kernel: 5, stride: 1, expand: 6, outputs: 120 },
    { repeats: 5, kernel: 5, stride: 2, expand: 6, outputs: 208 },
    { repeats: 1, kernel: 3, stride: 1, expand: 6, outputs: 352 },
  ],
  head: 1280,
};

/** A convolution of the network: its place in the files of PyTorch, and the norm behind it. */
export interface Convolution {
  readonly name: string;
  readonly norm: string;
  /** [outputs, channels / groups, kernel, kernel]. */
  readonly shape: Shape;
}

export interface Block {
  /** Absent where it would not change the number of channels. */
  readonly expand: Convolution | undefined;
  readonly depthwise: Convolution;
  readonly project: Convolution;
  readonly stride: 1 | 2;
  /** Whether the block adds its input to its output. */
  readonly adds: boolean;
  /** Index of its stage. */
  readonly stage: number;
}

export interface Layout {
  readonly stem: Convolution;
  readonly blocks: readonly Block[];
  readonly head: Convolution;
}

/** The convolutions under the names of the package efficientnet_lite_pytorch. */
export function layOut({ stem, stages, head }: EfficientNet): Layout {
  const convolution = (name: string, norm: string, [outputs, channels, kernel]: readonly [number, number, number]) => ({
    name,
    norm,
    shape: [outputs, channels, kernel, kernel],
  });
  const blocks: Block[] = [];
  let width = stem;
  for (const [stage, { repeats, kernel, stride, expand, outputs }] of stages.entries()) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const prefix = `_blocks.${blocks.length}.`;
      const inner = width * expand;
      blocks.push({
        expand: expand === 1 ? undefined : convolution(`${prefix}_expand_conv`, `${prefix}_bn0`, [inner, width, 1]),
        depthwise: convolution(`${prefix}_depthwise_conv`, `${prefix}_bn1`, [inner, 1, kernel]),
        project: convolution(`${prefix}_project_conv`, `${prefix}_bn2`, [outputs, inner, 1]),
        stride: repeat === 0 ? stride : 1,
        adds: (repeat > 0 || stride === 1) && width === outputs,
        stage,
      });
      width = outputs;
    }
  }
  return {
    stem: convolution('_conv_stem', '_bn0', [stem, 3, 3]),
    blocks,
    head: convolution('_conv_head', '_bn1', [head, width, 1]),
  };
}

export function convolutionsOf({ stem, blocks, head }: Layout): Convolution[] {
  const inner = blocks.flatMap(({ expand, depthwise, project }) => [...(expand ? [expand] : []), depthwise, project]);
  return [stem, ...inner, head];
}

/** A parameter: `NAME.weight`, or `NAME.bias` [channels, 1, 1]. */
export type ParamSource = (name: string, shape: Shape) => Value;

export interface Features {
  /** Output of each stage: [batch, channels, rows, columns]. */
  readonly stages: readonly Value[];
  /** Mean of the last convolution's output over the picture: [batch, head]. */
  readonly pooled: Value;
}

/** @param picture [batch, 3, rows, columns], levels from 0 to 255. */
export function efficientNet(picture: Value, net: EfficientNet, param: ParamSource): Features {
  const { stem, blocks, head } = layOut(net);
  const apply = (x: Value, { name, shape }: Convolution, { stride = 1, groups = 1 } = {}) => {
    const padded = conv2d(x, param(`${name}.weight`, shape), {
      stride,
      groups,
      padding: samePadding(x, shape, stride),
    });
    return add(padded, param(`${name}.bias`, [shape[0] ?? 0, 1, 1]));
  };
  const { builder } = picture;
  // The first convolution pads with zeros, so the shift of the levels cannot be folded into it.
  const centred = div(sub(picture, 127), 128);
  let x = builder.scope('stem', () => relu6(apply(centred, stem, { stride: 2 })));
  const stages: Value[] = [];
  for (const [index, { expand, depthwise, project, stride, adds, stage }] of blocks.entries()) {
    const before = x;
    x = builder.scope(`block ${index}`, () => {
      const wide = expand ? relu6(apply(before, expand)) : before;
      const spatial = relu6(apply(wide, depthwise, { stride, groups: depthwise.shape[0] ?? 1 }));
      const narrow = apply(spatial, project);
      return adds ? add(narrow, before) : narrow;
    });
    stages[stage] = x;
  }
  const last = builder.scope('head', () => relu6(apply(x, head)));
  return { stages, pooled: reshape(reduceMean(last, [2, 3]), [last.shape[0] ?? 0, net.head]) };
}

const relu6 = (x: Value): Value => min(max(x, 0), 6);

/** TensorFlow's SAME: ceil(size / stride) outputs, the larger part of the padding below and to the right. */
function samePadding(x: Value, weight: Shape, stride: number): [number, number, number, number] {
  const [above, below] = sides(x.shape[2] ?? 0, weight[2] ?? 1, stride);
  const [left, right] = sides(x.shape[3] ?? 0, weight[3] ?? 1, stride);
  return [above, left, below, right];
}

function sides(size: number, kernel: number, stride: number): [number, number] {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
