/** @file A sketch of the joints that a picture is asked for, as a PNG. */
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { SEGMENT_NAMES, SEGMENTS } from '../../data/figures/palette.ts';
import type { Point } from '../../data/figures/skeleton.ts';
import { circle, line } from '../../data/figures/svg.ts';
import { renderSvgPng } from '../../functions/pictures/image.ts';

/** The joints at both ends of a segment. */
const ENDS = {
  upper_arm: ['shoulder', 'elbow'],
  forearm: ['elbow', 'wrist'],
  thigh: ['hip', 'knee'],
  shin: ['knee', 'ankle'],
} as const;
const GREY = '9a9aa2';

/** @param pose [133, (x, y, confidence)] in [-1, 1]. @param side Pixels of the square. */
export function renderPoseSketch(pose: Float32Array, side: number): Promise<Uint8Array> {
  const joints = WHOLEBODY_JOINTS.map(
    (_, i): Point => ({ x: ((pose[3 * i] ?? 0) + 1) / 2, y: ((pose[3 * i + 1] ?? 0) + 1) / 2 }),
  );
  const at = (name: string): Point => joints[WHOLEBODY_JOINTS.indexOf(name)] ?? { x: 0, y: 0 };
  const trunk = ['left_shoulder', 'right_shoulder', 'right_hip', 'left_hip', 'left_shoulder'].map(at);
  const limbs = SEGMENT_NAMES.map(name => {
    const [side, part] = [name.slice(0, name.indexOf('_')), name.slice(name.indexOf('_') + 1) as keyof typeof ENDS];
    return line(
      ENDS[part].map(end => at(`${side}_${end}`)),
      SEGMENTS[name],
      0.025,
    );
  });
  const dots = joints.map(joint => circle(joint, 0.005, '4a4a52'));
  const shapes = [line(trunk, GREY, 0.015), ...limbs, ...dots].join('');
  return renderSvgPng(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 1000 1000">` +
      `<rect width="1000" height="1000" fill="#ffffff"/>${shapes}</svg>`,
  );
}
