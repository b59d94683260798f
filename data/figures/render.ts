/** @file Draws a figure as SVG: flat shapes without fonts, filters or gradients, so every machine draws equal bytes. */
import { BUILDS } from './attributes.ts';
import { drawHead } from './draw-head.ts';
import { drawScene } from './draw-scene.ts';
import { drawTrunk } from './draw-trunk.ts';
import { fingersOf, footOf } from './extremities.ts';
import { SEGMENTS, SHOE_COLOR, SKINS } from './palette.ts';
import type { PlacedFigure } from './place.ts';
import { between, type Point, SIDES, type Side } from './skeleton.ts';
import { circle, line, path } from './svg.ts';

/** Widths of limbs, in body heights. */
const ARM = 0.062;
const LEG = 0.084;
const FINGER = 0.02;

/** @param sizePixels Side of the square picture. */
export function drawFigureSvg(placed: PlacedFigure, sizePixels: number): string {
  const { skeleton, figure, scale } = placed;
  const girth = BUILDS[figure.build] * scale;
  const { back, front } = drawHead(placed);
  const neck = line([skeleton.neck, skeleton.head.center], SKINS[figure.skin], 0.06 * scale);
  const shapes = [
    drawScene(placed),
    back,
    ...SIDES.map(side => drawLeg(placed, side, LEG * girth)),
    neck,
    drawTrunk(placed, LEG * girth),
    front,
    ...SIDES.map(side => drawArm(placed, side, ARM * girth)),
  ];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${sizePixels}" height="${sizePixels}" viewBox="0 0 1000 1000">` +
    `${shapes.join('')}</svg>`
  );
}

/** A limb of two segments: the upper colour goes round the joint, and the lower one begins exactly there. */
function drawLimb([from, joint, to]: readonly [Point, Point, Point], upper: string, lower: string, width: number) {
  return line([from, joint, between(joint, to, 0.1)], upper, width) + line([joint, to], lower, width, 'butt');
}

function drawArm({ skeleton, figure, scale }: PlacedFigure, side: Side, width: number): string {
  const limbs = skeleton[side];
  const { shoulder, elbow, wrist } = limbs;
  const skin = SKINS[figure.skin];
  const fingers = fingersOf(limbs, side).map(joints => line(joints, skin, FINGER * scale));
  const palm = circle(between(wrist, limbs.hand, 0.3), 0.029 * scale, skin);
  const sleeve = drawLimb([shoulder, elbow, wrist], SEGMENTS[`${side}_upper_arm`], SEGMENTS[`${side}_forearm`], width);
  return fingers.join('') + palm + sleeve;
}

function drawLeg({ skeleton, scale }: PlacedFigure, side: Side, width: number): string {
  const { hip, knee, ankle } = skeleton[side];
  const foot = footOf(skeleton[side], side, scale);
  const shoe = path([ankle, foot.heel, foot.bigToe, foot.smallToe], SHOE_COLOR, 0.042 * scale);
  return shoe + drawLimb([hip, knee, ankle], SEGMENTS[`${side}_thigh`], SEGMENTS[`${side}_shin`], width);
}
