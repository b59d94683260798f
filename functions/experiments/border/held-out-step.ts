/** @file The same held-out pictures at every chunk border, drawn from all their signals (the seed: visual debug). */
import { z } from 'zod';
import { weightsSchema } from '../../../configs/averages.ts';
import { samplingOf, samplingSchema } from '../../../configs/sampling.ts';
import { SIGNAL_NAMES } from '../../../configs/signals.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import { blobRefSchema, digestSchema } from '../../../storage/records.ts';
import type { BlobStore } from '../../../storage/types.ts';
import { outputOf } from '../../execution/output-of.ts';
import { tracesFor } from '../sample-weights.ts';
import { defineBorderStep } from './border-step.ts';
import { listTexts } from './list-texts.ts';

/** Output `index` of `held-out`. An image has the picture on the left and its sample on the right. */
const heldOutIndexSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('held-out'),
  checkpoint: digestSchema,
  dataset: digestSchema,
  ...samplingSchema.shape,
  /** Absent: ema. */
  weights: weightsSchema.optional(),
  pictures: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      caption: z.string(),
      signals: z.array(z.enum(SIGNAL_NAMES)),
      image: blobRefSchema,
    }),
  ),
  links: z.array(digestSchema),
});
export type HeldOutIndex = z.output<typeof heldOutIndexSchema>;

export function readHeldOutIndex(blobs: BlobStore, digest: Digest): Promise<HeldOutIndex> {
  return readDocument(blobs, digest, heldOutIndexSchema, 'an index of held-out pictures');
}

export const heldOutStep = defineBorderStep({
  name: 'held_out',
  due: ({ config }) => (config.run.held_out_pictures ?? 0) > 0,
  async run({ head, config, call }, checkpoint) {
    const { prompts: _, ...sampling } = config.run.preview;
    const count = config.run.held_out_pictures ?? 0;
    const traces = tracesFor(head, sampling.weights);
    const of = { checkpoint, dataset: head.dataset, count };
    const body = { ...of, ...sampling, ...(traces && { traces }), engine: head.engine };
    return outputOf((await call('held-out', body)).result, 'index');
  },
  artifact: {
    kind: 'held-out',
    schema: heldOutIndexSchema,
    linksLeaves: true,
    folder: 'held-out',
    files(index) {
      const shown = index.pictures.map(({ image: _, ...picture }, i) => ({ file: fileOf(i), ...picture }));
      return [
        ...index.pictures.map(({ image }, i) => ({ name: fileOf(i), blob: image.digest })),
        {
          name: 'index.json',
          json: { v: 1, ...samplingOf(index), ...(index.weights && { weights: index.weights }), pictures: shown },
        },
      ];
    },
    shown: ({ pictures }) => ({
      pictures: { 'visual_debug/collage': pictures.map(({ image }) => image.digest) },
      texts: { 'visual_debug/captions': listTexts(pictures.map(({ caption }) => caption)) },
    }),
    describe({ run: { held_out_pictures: count = 0 } }) {
      if (count === 0) return '- held-out/: pictures that are not trained on (none: run.held_out_pictures is 0)';
      return (
        `- held-out/: ${count} pictures of the split val, or as many as it has, at every chunk border, each beside its ` +
        'sample from all its signals and the same noise'
      );
    },
  },
});

function fileOf(index: number): string {
  return `${String(index).padStart(3, '0')}.png`;
}
