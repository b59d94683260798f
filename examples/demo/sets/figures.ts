import { figureSchema } from '../../../data/figures/attributes.ts';
import { MEASURED_JOINTS, measureFigure } from '../../../data/figures/measure.ts';
import { measurePck } from '../../../data/figures/pose-score.ts';
import { freshFigures } from '../../../data/figures/prompts.ts';
import type { DemoSet, KnownPicture, MeasuredRow } from './demo-set.ts';

/** Of the prompts. */
const SEED = 1;

const joints = (key: 'pck' | 'shuffled', name: string, label: string): MeasuredRow => ({
  key: name,
  label,
  count(pictures) {
    const of = pictures.length * MEASURED_JOINTS.length;
    return { right: Math.round(measurePck(pictures.map(withPose))[key] * of), of };
  },
});

const color = (key: 'background' | 'top_color', name: string, label: string): MeasuredRow => ({
  key: name,
  label,
  count: pictures => ({
    right: pictures.filter(
      ({ attributes, pixels }) => measureFigure(pixels)[key] === figureSchema.parse(attributes)[key],
    ).length,
    of: pictures.length,
  }),
});

function withPose({ pixels, pose = new Float32Array() }: KnownPicture) {
  return { pixels, pose };
}

export const figures: DemoSet = {
  name: 'figures',
  noun: 'figures',
  preset: 'figures',
  pictures: 6_000,
  samples: 20_480,
  prompts: 128,
  samplesToShow: 6_000,
  hasPose: true,
  example: 'a cheerful person in a yellow hoodie waving with the left hand, on a mint background',
  ask: count =>
    freshFigures(SEED, count).map(({ prompt, attributes, pose }) => ({
      caption: prompt,
      attributes: { ...attributes },
      pose,
    })),
  rows: [
    joints('pck', 'pck', 'joints in their place (PCK@.1)'),
    joints('shuffled', 'floor', 'the same by chance (other poses)'),
    color('background', 'background', 'background colour'),
    color('top_color', 'clothes', 'clothes colour'),
  ],
};
