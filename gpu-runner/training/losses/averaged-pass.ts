/** @file A forward pass with an average of the weights, on a picture with less noise. Losses learn from its tokens. */
import type { KeyedConfig } from '../../../configs/schema.ts';
import { max, stopGradient, sub } from '../../compiler/functions.ts';
import type { Builder, Value } from '../../compiler/trace.ts';
import { applyNanoDit, type NanoDitInputs } from '../../model/nanodit.ts';
import { emaPrefix, PARAM_PREFIX, Params } from '../../model/params.ts';
import { isFixed } from '../trained-params.ts';
import { noisePixels } from './noise-pixels.ts';

/** Which tokens of which pass. */
export interface AveragedPass {
  /** Index of the average. */
  readonly ema: number;
  /** The block behind which the tokens are read; 0 is the first. Later blocks are not computed. */
  readonly block: number;
  /** So much lower is t of its picture, but at least 0. */
  readonly gap: number;
}

/** What the pass of the trained weights is computed from. */
export interface PassInputs extends Pick<NanoDitInputs, 't' | 'conditions' | 'fusesAttention'> {
  readonly x0: Value;
  readonly noise: Value;
}

/**
 * All image tokens after the block, [batch, rows * columns, hidden]: no token skips a block. The picture has the same
 * noise and signals as that of the trained weights. Weights that are not trained have no average and stand for it. No
 * gradient passes.
 */
export function averagedTokens(
  builder: Builder,
  config: Pick<KeyedConfig, 'model' | 'objective' | 'optimizer'>,
  { ema, block, gap }: AveragedPass,
  { x0, noise, t, ...inputs }: PassInputs,
): Value {
  return builder.scope(`average ${ema}`, () => {
    const stateName = (name: string) => `${isFixed(config, name) ? PARAM_PREFIX : emaPrefix(ema)}${name}`;
    const params = new Params(builder, config.model, stateName);
    const earlier = gap === 0 ? t : max(sub(t, gap), 0);
    const z = noisePixels(x0, noise, earlier, config.objective);
    return stopGradient(applyNanoDit(params, config.model, { ...inputs, z, t: earlier }).tap(block));
  });
}
