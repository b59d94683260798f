/** @file The work of training, by formula: the model, the route of its tokens, and its losses. */
import { COLUMN_STAGE, resolveTarget } from './feature-loss.ts';
import { LOSS_SHAPES, parseLossOptions } from './loss-options.ts';
import { type LossConfig, lossWeightAt } from './losses.ts';
import type { LpipsNet } from './lpips.ts';
import { blockFlops, forwardFlops, imageTokensOf, type PictureFrame } from './model-size.ts';
import { shrunkSize } from './perceptual.ts';
import { resolveRepa } from './repa.ts';
import type { KeyedConfig } from './schema.ts';
import { isRouted, keptTokens, routedBlocks } from './tread.ts';

type Trained = Pick<KeyedConfig, 'model' | 'objective' | 'optimizer'>;

/** Operations per pixel of a forward pass of efficientnet-lite0 up to each stage. */
const STAGE_FLOPS = [832, 3022, 4534, 6268, 9697, 13_330, 14_502];
const LPIPS_FLOPS: Readonly<Record<LpipsNet, number>> = { alex: 26_505, vgg: 611_712, squeeze: 10_586 };

/**
 * Operations of the forward and the backward pass of one sample: the backward pass takes twice as many. With a route of
 * the tokens, and with losses that begin or end, the mean over the training, or those of the update after `samples`
 * seen. Conditions of losses beside flow matching must be complete.
 */
export function trainingFlops(config: Trained, frame: PictureFrame, samples?: number): number {
  return modelFlops(config, frame, samples) + lossFlops(config, frame, samples);
}

function modelFlops({ model, objective: { tread }, optimizer }: Trained, frame: PictureFrame, samples?: number) {
  const dense = forwardFlops(model, frame);
  if (tread === undefined) return 3 * dense;
  const tokens = imageTokensOf(model, frame);
  const { first, last } = routedBlocks(tread, model.depth);
  const saved = blockFlops(model, frame, tokens) - blockFlops(model, frame, keptTokens(tread, tokens));
  const isNow = samples === undefined ? tread.until : Number(isRouted(tread, samples, optimizer.total_samples));
  return 3 * (dense - isNow * saved * (last - first + 1));
}

/** Operations of the losses beside flow matching, which has no matrix product. */
function lossFlops(config: Trained, frame: PictureFrame, samples?: number): number {
  const costs = Object.entries(config.objective.losses ?? {}).map(([name, loss]) => {
    const cost = COSTS[name as keyof typeof LOSS_SHAPES]?.(loss, config, frame);
    if (cost === undefined || loss.weight === 0) return 0;
    const { total_samples } = config.optimizer;
    const isNow = (at: number) => Number(lossWeightAt(at, total_samples, loss) > 0);
    return cost * (samples === undefined ? loss.until - loss.from : isNow(samples));
  });
  return costs.reduce((sum, cost) => sum + cost, 0);
}

type Cost = (loss: LossConfig, config: Trained, frame: PictureFrame) => number;

const COSTS: Readonly<Partial<Record<keyof typeof LOSS_SHAPES, Cost>>> = {
  repa(loss, config, frame) {
    const { model } = config;
    const path = 'objective.losses.repa';
    const { adapter, width, teacher } = resolveRepa(parseLossOptions(LOSS_SHAPES.repa, loss, path), config, path);
    const tokens = imageTokensOf(model, frame);
    const hidden = model.hidden_size;
    const dim = teacher.of === 'self' ? hidden : teacher.dim;
    const weights = adapter === 'linear' ? hidden * dim : hidden * width + width * width + width * dim;
    const pass = teacher.of === 'self' ? (teacher.block + 1) * blockFlops(model, frame, tokens) : 0;
    return 3 * 2 * tokens * weights + pass;
  },

  // The prediction goes through the net and its gradient back to the pixels; the clean picture only through the net.
  features(loss, _, frame) {
    const path = 'objective.losses.features';
    const target = resolveTarget(parseLossOptions(LOSS_SHAPES.features, loss, path), path);
    if (target.of === 'computed') {
      return 3 * (STAGE_FLOPS[Math.max(...target.stages)] ?? 0) * shrunkPixels(frame, target.maxSide);
    }
    const enlarged = (16 / target.stride) ** 2 * frame.width * frame.height;
    return 2 * (STAGE_FLOPS[COLUMN_STAGE] ?? 0) * enlarged;
  },

  lpips(loss, _, frame) {
    const { net, max_side } = parseLossOptions(LOSS_SHAPES.lpips, loss, 'objective.losses.lpips');
    return 3 * LPIPS_FLOPS[net] * shrunkPixels(frame, max_side);
  },
};

/** Pixels of a picture that a loss compares at a smaller size. */
function shrunkPixels(frame: PictureFrame, maxSide: number): number {
  const { width, height } = shrunkSize(frame, maxSide);
  return width * height;
}
