/**
 * @file The predicted and the clean picture compared by what a frozen net sees. With the stored features of patches
 * this is the P-DINO loss of PixelGen (arXiv 2602.02493) for the encoder at hand.
 */
import { COLUMN_STAGE, type FeatureTarget, featuresShape, resolveTarget } from '../../../configs/feature-loss.ts';
import { add, div, mul, select, stopGradient, transpose } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import { describePictures } from '../../encoders/efficientnet/features.ts';
import { foldedParams, foldedSpread } from '../../encoders/efficientnet/frozen-params.ts';
import { efficientNet, LITE0, type ParamSource } from '../../encoders/efficientnet/network.ts';
import { type DistanceType, flattenGrid, meanDistance } from './distance.ts';
import { cleanPicture } from './flow-matching.ts';
import { defineLoss, type LossParts } from './loss-term.ts';
import { shrink, withinTimes } from './perceptual.ts';
import { patchesColumn, readPatches } from './stored-patches.ts';

export const features = defineLoss(featuresShape, (options, { objective }, path) => {
  const target = resolveTarget(options, path);
  const { net, loss_type } = options;
  return {
    needs: { frozen: [net], ...(target.of === 'patches' && patchesColumn(target)) },
    apply(_params, parts) {
      const read = parts.frozen(net);
      const picture = cleanPicture(parts, objective);
      const loss =
        target.of === 'patches'
          ? compareWithColumn(picture, target, parts, read, loss_type)
          : compareStages(picture, target, parts, read, loss_type);
      return withinTimes(loss, parts.t, options);
    },
  };
});

type Column = Extract<FeatureTarget, { of: 'patches' }>;
type Computed = Extract<FeatureTarget, { of: 'computed' }>;

/** Pixels in [-1, 1] -> levels from 0 to 255. A prediction may lie beyond. */
const levelsOf = (pixels: Value) => mul(add(pixels, 1), 127.5);

/** The mean over the stages, [batch]. */
function compareStages(
  picture: Value,
  { stages, maxSide }: Computed,
  parts: LossParts,
  read: ParamSource,
  type: DistanceType,
) {
  const param = foldedParams(LITE0, read);
  const look = (pixels: Value) => efficientNet(levelsOf(shrink(pixels, maxSide)), LITE0, param).stages;
  const [seen, wanted] = [look(picture), look(parts.x0)];
  const distances = stages.flatMap(stage => {
    const [own, clean] = [seen[stage], wanted[stage]];
    if (own === undefined || clean === undefined) return [];
    const spread = foldedSpread(LITE0, stage, read);
    const standardize = (map: Value) => flattenGrid(div(add(places(map), mul(spread.mean, -1)), spread.deviation));
    return [meanDistance(type, standardize(own), stopGradient(standardize(clean)))];
  });
  return div(
    distances.reduce((a, b) => add(a, b)),
    distances.length,
  );
}

/** The distance from the stored features, [batch]; 0 for a sample without them. */
function compareWithColumn(
  picture: Value,
  { stride }: Column,
  parts: LossParts,
  read: ParamSource,
  type: DistanceType,
) {
  const param = foldedParams(LITE0, read);
  const net = { net: LITE0, param, stage: COLUMN_STAGE, ...foldedSpread(LITE0, COLUMN_STAGE, read) };
  const { patches } = describePictures(levelsOf(picture), net, stride);
  const stored = readPatches(parts);
  const distance = meanDistance(type, flattenGrid(patches), stopGradient(flattenGrid(stored.features)));
  return select(stored.isKnown, distance, 0);
}

/** [batch, channels, rows, columns] -> [batch, rows, columns, channels]. */
const places = (map: Value) => transpose(map, [0, 2, 3, 1]);
