import { emojiSchema } from '../../../data/emoji/attributes.ts';
import { measureBackground } from '../../../data/emoji/measure.ts';
import type { DemoSet } from './demo-set.ts';

export const emoji: DemoSet = {
  name: 'emoji',
  noun: 'emoji',
  preset: 'emoji',
  pictures: 3_391,
  samples: 40_000,
  prompts: 128,
  samplesToShow: 15_000,
  hasPose: false,
  example: 'a 3D emoji of a red apple on a mint background',
  // Captions of emoji that no training has seen.
  ask: (count, heldOut) => heldOut.slice(0, count).map(({ attributes, caption }) => ({ attributes, caption })),
  rows: [
    {
      key: 'background',
      label: 'background colour',
      count: pictures => ({
        right: pictures.filter(
          ({ attributes, pixels }) => measureBackground(pixels) === emojiSchema.parse(attributes).background,
        ).length,
        of: pictures.length,
      }),
    },
  ],
};
