/** @file Sizes of the pictures that a model makes: any that its patches and the features of its signals fill. */
import { Unprocessable } from '../errors.ts';
import { type DividedModel, sideUnitOf } from './side-unit.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** @throws Unprocessable that names the nearest size of which the model makes pictures. */
export function checkSampleSize({ width, height }: Size, model: DividedModel): void {
  const unit = sideUnitOf(model);
  if (width % unit === 0 && height % unit === 0) return;
  const [nearWidth, nearHeight] = [width, height].map(side => Math.max(1, Math.round(side / unit)) * unit);
  const { patch_size: patch, conditions } = model;
  const fitsPatches = width % patch === 0 && height % patch === 0;
  const problem = fitsPatches
    ? `are not filled by features every ${conditions?.patches?.stride} pixels, on which the model is conditioned`
    : `do not divide into patches of ${patch} pixels`;
  throw new Unprocessable(`${width} x ${height} pixels ${problem}`, {
    expected: `width and height that are multiples of ${unit}: ${nearWidth} x ${nearHeight} is the nearest size`,
  });
}
