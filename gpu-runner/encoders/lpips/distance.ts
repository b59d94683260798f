/**
 * @file LPIPS 0.1 (arXiv 1801.03924; the Python package lpips 0.1.4): a perceptual distance of pictures. Differentiable
 * by both pictures.
 */
import type { LpipsNet } from '../../../configs/lpips.ts';
import { add, div, max, mul, reduceSum, reshape, sqrt, square, sub } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import { type ParamSource, trunkFeatures } from './features.ts';

/** Mean and deviation of ImageNet's channels, for pixels in [-1, 1]. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];
/** Added to the length of a vector of features before it is divided by it. */
const EPSILON = 1e-10;
/** The slope of the root is infinite at 0. No vector of f32 features that is not 0 has a smaller square. */
const LEAST_SQUARE = 1e-20;

/**
 * The distance of each pair, [batch]. The parameters are those of torchvision's file, and `lin0.model.1.weight`
 * [1, channels, 1, 1], ... of the package's.
 * @param a Pixels in [-1, 1], [batch, 3, height, width]. @param b Likewise.
 * @throws Unprocessable if the pictures are too small for the network.
 */
export function lpipsDistance(a: Value, b: Value, net: LpipsNet, param: ParamSource): Value {
  const [first, second] = [a, b].map(picture => trunkFeatures(scalePicture(picture), net, param));
  const layers = (first ?? []).map((features, layer) => {
    const other = second?.[layer] ?? features;
    const [batch = 0, channels = 0, rows = 0, columns = 0] = features.shape;
    const weight = reshape(param(`lin${layer}.model.1.weight`, [1, channels, 1, 1]), [channels, 1, 1]);
    const weighed = mul(square(sub(normalize(features), normalize(other))), weight);
    return div(reshape(reduceSum(weighed, [1, 2, 3]), [batch]), rows * columns);
  });
  return layers.reduce(add);
}

function scalePicture(picture: Value): Value {
  const channels = (values: readonly number[]) => picture.builder.constant(values, [3, 1, 1]);
  return div(sub(picture, channels(SHIFT)), channels(SCALE));
}

/** Divides the features of each place by their length. */
function normalize(features: Value): Value {
  const length = sqrt(max(reduceSum(square(features), [1]), LEAST_SQUARE));
  return div(features, add(length, EPSILON));
}
