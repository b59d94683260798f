/** @file Losses for tests. They read taps, a frozen net, a column and parameters of their own; one is never finite. */
import { z } from 'zod';
import { RandomStream } from '../../../numerics/random-stream.ts';
import { linear } from '../../compiler/composites.ts';
import { div, mul, neg, reduceMean, reduceSum, reshape, sqrt, square, sub } from '../../compiler/functions.ts';
import type { Tensor } from '../../compiler/tensor.ts';
import { geometryOf } from '../../model/nanodit.ts';
import { patchDim, patchify } from '../../model/patches.ts';
import type { FrozenNets } from '../load-state.ts';
import { defineLoss } from '../losses/loss-term.ts';
import { LOSSES } from '../losses/losses.ts';

const FEATURES = 5;

/** 1 - the cosine between a projection of the tokens after a block and a frozen projection of the clean patches. */
const alignment = defineLoss({ block: z.int() }, ({ block }, { model }) => ({
  needs: { taps: [block], frozen: ['teacher'] },
  apply(params, { tap, frozen, x0 }) {
    const [batch = 0, , height = 0, width = 0] = x0.shape;
    const geometry = geometryOf(model, height, width);
    const target = linear(patchify(x0, geometry), frozen('teacher')('proj', [patchDim(geometry), FEATURES]));
    const features = linear(tap(block), params.weight('alignment.proj', model.hidden_size, FEATURES));
    const lengths = mul(reduceSum(square(target), [2]), reduceSum(square(features), [2]));
    const cosines = div(reduceSum(mul(target, features), [2]), sqrt(lengths));
    return sub(1, reshape(reduceMean(cosines, [1]), [batch]));
  },
}));

/**
 * The mean square of a projection of the tokens after block 0 minus the CLS column, in samples that have the column.
 */
const recall = defineLoss({ dim: z.int() }, ({ dim }, { model }) => ({
  needs: { taps: [0], columns: { cls: () => [dim] } },
  apply(params, { tap, column, t }) {
    const { value, present } = column('cls');
    const pooled = reshape(reduceMean(tap(0), [1]), [t.shape[0] ?? 0, model.hidden_size]);
    const guess = linear(pooled, params.weight('recall.proj', model.hidden_size, dim));
    return mul(reshape(reduceMean(square(sub(guess, value)), [1]), t.shape), present);
  },
}));

/** The root of a negative number. */
const endless = defineLoss({}, () => ({
  apply(_, { prediction, t }) {
    return reshape(sqrt(neg(reduceMean(square(sub(prediction, 1)), [1, 2, 3]))), t.shape);
  },
}));

export const TOY_LOSSES = { ...LOSSES, alignment, recall, endless };

/** Weights of the toy teacher for the patches of testing/tiny.ts: 6 x 6 pixels of 3 channels. */
export function toyTeacher(): FrozenNets {
  const data = new Float32Array(108 * FEATURES);
  new RandomStream(11, 'init teacher').fillNormal(data);
  const proj: Tensor = { shape: [108, FEATURES], dtype: 'f32', data };
  return { teacher: { proj } };
}
