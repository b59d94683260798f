import { lpipsModelOf, lpipsShape } from '../../../configs/lpips.ts';
import type { Value } from '../../compiler/trace.ts';
import { lpipsDistance } from '../../encoders/lpips/distance.ts';
import { cleanPicture } from './flow-matching.ts';
import { defineLoss } from './loss-term.ts';
import { shrink, withinTimes } from './perceptual.ts';

/**
 * The LPIPS distance of the predicted clean picture to the clean one (as PixelGen, arXiv 2602.02493). It is 0 for
 * samples whose t lies outside of [t_min, t_max].
 */
export const lpips = defineLoss(lpipsShape, ({ net, max_side, t_min, t_max }, { objective }) => ({
  needs: { frozen: [lpipsModelOf(net)] },
  apply(_params, parts) {
    const { x0, t, frozen } = parts;
    const view = (picture: Value) => shrink(picture, max_side);
    const distance = lpipsDistance(view(cleanPicture(parts, objective)), view(x0), net, frozen(lpipsModelOf(net)));
    return withinTimes(distance, t, { t_min, t_max });
  },
}));
