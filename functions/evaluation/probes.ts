/** @file Probes of the bundled sets: what a picture should show, and what it shows, read from its pixels. */
import type { z } from 'zod';
import { emojiSchema } from '../../data/emoji/attributes.ts';
import { measureBackground } from '../../data/emoji/measure.ts';
import { figureSchema } from '../../data/figures/attributes.ts';
import { measureFigure } from '../../data/figures/measure.ts';
import type { RgbPixels } from '../../data/pixels.ts';
import { portraitSchema } from '../../data/portraits/attributes.ts';
import { measurePortrait } from '../../data/portraits/measure.ts';
import { Unprocessable } from '../../errors.ts';
import type { Item } from '../../storage/records.ts';

/** Attributes by name, as text. */
export type ShownAttributes = Readonly<Record<string, string>>;

export interface Probe {
  readonly set: 'portraits' | 'figures' | 'emoji';
  /** What the picture should show. */
  readonly wanted: ShownAttributes;
  /** What a picture shows; undefined if it cannot be measured, as one that is not square. */
  read(pixels: RgbPixels): ShownAttributes | undefined;
}

interface SetRow<S extends z.ZodObject> {
  readonly set: Probe['set'];
  readonly schema: S;
  wanted(attributes: z.output<S>): ShownAttributes;
  read(pixels: RgbPixels): ShownAttributes;
}

function row<S extends z.ZodObject>(set: SetRow<S>): (attributes: unknown) => Probe | undefined {
  const schema = set.schema.strip();
  return attributes => {
    const { data } = schema.safeParse(attributes);
    if (data === undefined) return undefined;
    // Variance: strip() keeps the keys and their types.
    const wanted = set.wanted(data as z.output<S>);
    return { set: set.set, wanted, read: pixels => readOrNothing(set.read, pixels) };
  };
}

function readOrNothing(read: (pixels: RgbPixels) => ShownAttributes, pixels: RgbPixels): ShownAttributes | undefined {
  try {
    return read(pixels);
  } catch (error) {
    if (error instanceof Unprocessable) return undefined;
    throw error;
  }
}

/** To add a set: its attributes, and what its measure reads, under the same names. */
const SETS = [
  row({
    set: 'portraits',
    schema: portraitSchema,
    wanted: ({ background, clothes_color: clothes, hair_color: hair, glasses }) => ({
      ...{ background, clothes, hair, glasses: glasses === 'none' ? 'no' : 'yes' },
    }),
    read(pixels) {
      const { background, clothes_color: clothes, hair_color: hair = 'none', glasses } = measurePortrait(pixels);
      return { background, clothes, hair, glasses: glasses ? 'yes' : 'no' };
    },
  }),
  row({
    set: 'figures',
    schema: figureSchema,
    wanted: ({ background, top_color: top }) => ({ background, top }),
    read(pixels) {
      const { background, top_color: top = 'none' } = measureFigure(pixels);
      return { background, top };
    },
  }),
  row({
    set: 'emoji',
    schema: emojiSchema,
    wanted: ({ background }) => ({ background }),
    read: pixels => ({ background: measureBackground(pixels) }),
  }),
];

/** The probe of a picture of a bundled set, by the attributes of its generator; undefined for other pictures. */
export function findProbe(attributes: Item['attributes']): Probe | undefined {
  for (const find of SETS) {
    const probe = find(attributes);
    if (probe) return probe;
  }
  return undefined;
}
