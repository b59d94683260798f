/** @file Samples to the tensors that the gradient graph is fed. */
import type { KeyedConfig } from '../../configs/schema.ts';
import { emptyTensor, type Shape, sizeOf, type Tensor } from '../compiler/tensor.ts';
import type { BatchShape } from '../model/batch.ts';
import { drawNoise, drawSignals, drawTime } from './draws.ts';
import type { TrainingItem } from './training-set.ts';

/** Feeds of one micro-batch; sample i has the ordinal `first + i`. Buffers are reused from call to call. */
export class FeedBuilder {
  readonly #config: KeyedConfig;
  readonly #buffers = new Map<string, Tensor & { readonly data: Float32Array }>();

  constructor(config: KeyedConfig) {
    this.#config = config;
  }

  build(samples: readonly TrainingItem[], first: number, shape: BatchShape): Record<string, Tensor> {
    const { seed, objective, model } = this.#config;
    const conditions = model.conditions ?? {};
    const pixels: Shape = [shape.batch, 3, shape.height, shape.width];
    const feeds: Record<string, Tensor> = {};
    const buffer = (name: string, size: Shape) => {
      const tensor = this.#buffer(name, size);
      feeds[name] = tensor;
      return tensor.data;
    };
    const [x0, noise, t] = [buffer('x0', pixels), buffer('noise', pixels), buffer('t', [shape.batch])];
    const keepOf = (name: string) => buffer(`keep_${name}`, [shape.batch]).fill(0);
    const text = conditions.text && {
      dim: conditions.text.dim,
      data: buffer('text', [shape.batch, shape.textTokens, conditions.text.dim]).fill(0),
      mask: buffer('text_mask', [shape.batch, shape.textTokens]).fill(0),
      keep: keepOf('text'),
    };
    const cls = conditions.cls && {
      data: buffer('cls', [shape.batch, conditions.cls.dim]).fill(0),
      keep: keepOf('cls'),
    };
    const grid = conditions.patches;
    const patches = grid && {
      data: buffer('patches', [shape.batch, shape.height / grid.stride, shape.width / grid.stride, grid.dim]).fill(0),
      keep: keepOf('patches'),
    };
    const pose = conditions.pose && {
      data: buffer('pose', [shape.batch, conditions.pose.joints, 3]).fill(0),
      keep: keepOf('pose'),
    };

    const size = 3 * shape.height * shape.width;
    for (const [i, sample] of samples.entries()) {
      const ordinal = first + i;
      for (let k = 0; k < size; k++) x0[i * size + k] = sample.pixels[k]! / 127.5 - 1;
      drawNoise(seed, ordinal, noise.subarray(i * size, (i + 1) * size));
      t[i] = drawTime(seed, ordinal, objective);
      const signals = drawSignals(seed, ordinal, objective.cfg_dropout);
      if (text && sample.text && signals.text) {
        const tokens = Math.min(sample.text.tokens, shape.textTokens);
        text.data.set(sample.text.data.subarray(0, tokens * text.dim), i * shape.textTokens * text.dim);
        text.mask.fill(1, i * shape.textTokens, i * shape.textTokens + tokens);
        text.keep[i] = 1;
      }
      for (const [target, source, kept] of [
        [cls, sample.cls, signals.cls],
        [patches, sample.patches, signals.patches],
        [pose, sample.pose, signals.pose],
      ] as const) {
        if (!target || !source || !kept) continue;
        target.data.set(source, i * source.length);
        target.keep[i] = 1;
      }
    }
    return feeds;
  }

  #buffer(name: string, shape: Shape): Tensor & { readonly data: Float32Array } {
    const known = this.#buffers.get(name);
    if (known && known.data.length === sizeOf(shape)) return { ...known, shape };
    const tensor = { ...emptyTensor({ shape, dtype: 'f32' }), data: new Float32Array(sizeOf(shape)) };
    this.#buffers.set(name, tensor);
    return tensor;
  }
}
