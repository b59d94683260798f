/** @file The features that LPIPS compares, by the layers of {@link TRUNKS}. */
import { LEAST_SIDES, type LpipsNet } from '../../../configs/lpips.ts';
import { Unprocessable } from '../../../errors.ts';
import { conv2d } from '../../compiler/convolution.ts';
import { add, concat, max, pad, reshape } from '../../compiler/functions.ts';
import { maxPool } from '../../compiler/pooling.ts';
import type { Shape } from '../../compiler/tensor.ts';
import type { Value } from '../../compiler/trace.ts';
import { type Layer, POOL_STRIDE, TRUNKS } from './trunks.ts';

/** A parameter by its name in torchvision's file: `features.0.weight` [outputs, inputs, rows, columns], `.bias`. */
export type ParamSource = (name: string, shape: Shape) => Value;

/**
 * The features after each layer that LPIPS reads, [batch, channels, rows, columns] each.
 * @param picture [batch, 3, height, width], as the network was trained: see `scalePicture`.
 * @throws Unprocessable if the picture is too small for the network.
 */
export function trunkFeatures(picture: Value, name: LpipsNet, param: ParamSource): readonly Value[] {
  const [, , height = 0, width = 0] = picture.shape;
  const least = LEAST_SIDES[name];
  if (Math.min(height, width) < least) {
    throw new Unprocessable(`a picture of ${width} x ${height} is too small for LPIPS ${name}`, {
      expected: `sides of at least ${least} pixels`,
    });
  }
  const features: Value[] = [];
  let x = picture;
  for (const layer of TRUNKS[name]) {
    x = picture.builder.scope(`${name} ${layer.at}`, () => applyLayer(x, layer, param));
    if (layer.isRead) features.push(x);
  }
  return features;
}

function applyLayer(x: Value, layer: Layer, param: ParamSource): Value {
  const name = `features.${layer.at}`;
  if (layer.kind === 'pool') return applyPool(x, layer.kernel, layer.cutsOff);
  if (layer.kind === 'convolution') return convolve(x, name, layer, param);
  const { squeeze: narrow, expand: outputs } = layer;
  const squeezed = convolve(x, `${name}.squeeze`, { outputs: narrow, kernel: 1 }, param);
  const parts = [
    convolve(squeezed, `${name}.expand1x1`, { outputs, kernel: 1 }, param),
    convolve(squeezed, `${name}.expand3x3`, { outputs, kernel: 3, padding: 1 }, param),
  ];
  return concat(parts, 1);
}

interface Kernel {
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
}

function convolve(x: Value, name: string, { outputs, kernel, stride = 1, padding = 0 }: Kernel, param: ParamSource) {
  const weight = param(`${name}.weight`, [outputs, x.shape[1] ?? 0, kernel, kernel]);
  const bias = reshape(param(`${name}.bias`, [outputs]), [outputs, 1, 1]);
  return max(add(conv2d(x, weight, { stride, padding }), bias), 0);
}

/** The features are not negative, so zeros beyond the edge change no maximum. */
function applyPool(x: Value, kernel: number, cutsOff: boolean): Value {
  const [, , rows = 0, columns = 0] = x.shape;
  const [below, right] = [rows, columns].map(size => (cutsOff ? (size - kernel) % POOL_STRIDE : 0));
  const padded = below || right ? pad(x, [0, 0, 0, 0], [0, 0, below ?? 0, right ?? 0]) : x;
  return maxPool(padded, { kernel, stride: POOL_STRIDE });
}
