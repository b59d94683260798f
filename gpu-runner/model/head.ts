/** @file From the last tokens to pixels. */
import type { ModelConfig } from '../../configs/schema.ts';
import { linear } from '../compiler/composites.ts';
import { conv2d } from '../compiler/convolution.ts';
import { add, reshape } from '../compiler/functions.ts';
import type { Value } from '../compiler/trace.ts';
import { modulate, normTokens } from './block.ts';
import { splitModulation } from './modulation.ts';
import type { Params } from './params.ts';
import { type PatchGeometry, patchDim, unpatchify } from './patches.ts';

/** Image tokens x [batch, rows * columns, hidden] -> the prediction [batch, channels, height, width]. */
export function applyHead(
  params: Params,
  model: ModelConfig,
  x: Value,
  conditioning: Value,
  geometry: PatchGeometry,
): Value {
  const normal = model.head === 'plain' ? normTokens(model, x) : modulated(params, model, x, conditioning);
  const dim = patchDim(geometry);
  const weight = params.zeroWeight('head.out', model.hidden_size, dim);
  const pixels = unpatchify(add(linear(normal, weight), params.zeros('head.bias', [dim])), geometry);
  return model.output_conv ? add(pixels, convolve(params, pixels)) : pixels;
}

function modulated(params: Params, model: ModelConfig, x: Value, conditioning: Value): Value {
  const hidden = model.hidden_size;
  const packed = add(
    linear(conditioning, params.zeroWeight('head.adaln', hidden, 2 * hidden)),
    params.zeros('head.adaln_bias', [2 * hidden]),
  );
  const [shift, scale] = splitModulation(packed, hidden);
  return shift && scale ? modulate(normTokens(model, x), shift, scale) : x;
}

/** A 3x3 convolution with bias that keeps the shape, and starts at 0. */
function convolve(params: Params, pixels: Value): Value {
  const [, channels = 0] = pixels.shape;
  const kernel = params.zeros('head.conv', [channels, channels, 3, 3]);
  return add(
    conv2d(pixels, kernel, { padding: 1 }),
    reshape(params.zeros('head.conv_bias', [channels]), [1, -1, 1, 1]),
  );
}
