import { lpipsModelOf, lpipsShape } from '../../../configs/lpips.ts';
import { and, lessEqual, select } from '../../compiler/functions.ts';
import { avgPool } from '../../compiler/pooling.ts';
import type { Value } from '../../compiler/trace.ts';
import { lpipsDistance } from '../../encoders/lpips/distance.ts';
import { cleanPicture } from './flow-matching.ts';
import { defineLoss } from './loss-term.ts';

/**
 * The LPIPS distance of the predicted clean picture to the clean one (as PixelGen, arXiv 2602.02493). It is 0 for
 * samples whose t lies outside of [t_min, t_max]: from much noise the network predicts the mean of many pictures, which
 * is no picture itself.
 */
export const lpips = defineLoss(lpipsShape, ({ net, max_side, t_min, t_max }, { objective }) => ({
  needs: { frozen: [lpipsModelOf(net)] },
  apply(_params, parts) {
    const { x0, t, frozen } = parts;
    const view = (picture: Value) => shrink(picture, max_side);
    const distance = lpipsDistance(view(cleanPicture(parts, objective)), view(x0), net, frozen(lpipsModelOf(net)));
    return select(and(lessEqual(t_min, t), lessEqual(t, t_max)), distance, 0);
  },
}));

/** Pictures [batch, 3, height, width], smaller by the least whole factor that fits. */
function shrink(picture: Value, maxSide: number): Value {
  const [, , height = 0, width = 0] = picture.shape;
  const factor = Math.ceil(Math.max(height, width) / maxSide);
  return factor === 1 ? picture : avgPool(picture, { kernel: factor });
}
