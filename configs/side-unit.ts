/** @file Of how many pixels the sides of a model's pictures are multiples. */

/** What of a model decides it. */
export interface DividedModel {
  readonly patch_size: number;
  readonly conditions?: { readonly patches?: { readonly stride: number } | undefined } | undefined;
}

/** The least number of pixels that whole patches fill, and whole cells of patch features. */
export function sideUnitOf({ patch_size: patch, conditions }: DividedModel): number {
  const stride = conditions?.patches?.stride ?? 1;
  return (patch * stride) / greatestDivisor(patch, stride);
}

/** The greatest common divisor of two whole numbers; with 0, the other one. */
export function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
