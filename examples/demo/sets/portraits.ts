import { portraitSchema } from '../../../data/portraits/attributes.ts';
import { type Attribute, countRight } from '../../../data/portraits/checks.ts';
import { type FreshPrompt, freshPrompts } from '../../../data/portraits/prompts.ts';
import { freePrompts } from '../../../data/portraits/wordings.ts';
import type { Asked, DemoSet, KnownPicture, MeasuredRow } from './demo-set.ts';

/** Of the prompts. */
const SEED = 1;

const row = (key: Attribute, label: string): MeasuredRow => ({
  key,
  label,
  count: pictures => ({ right: countRight(pictures.map(known))[key], of: pictures.length }),
});

const asked = ({ prompt, attributes }: FreshPrompt): Asked => ({ caption: prompt, attributes: { ...attributes } });

function known({ attributes, pixels }: KnownPicture) {
  return { attributes: portraitSchema.parse(attributes), pixels };
}

export const portraits: DemoSet = {
  name: 'portraits',
  noun: 'portraits',
  preset: 'portraits',
  pictures: 6_000,
  // The full length, of which the README tells the figures.
  samples: 22_000,
  prompts: 256,
  samplesToShow: 7_000,
  hasPose: false,
  example: 'a smiling person with a blue bob and round glasses, in a red hoodie on a mint background',
  ask: count => freshPrompts(SEED, count).map(asked),
  rows: [
    row('background', 'background colour'),
    row('clothes', 'clothes colour'),
    row('hair', 'hair colour'),
    row('glasses', 'glasses or none'),
  ],
  worded: {
    samples: 44_000,
    time: '10 to 16 minutes on 2 cores',
    askFreely: count => freePrompts(SEED, count).map(asked),
  },
};
