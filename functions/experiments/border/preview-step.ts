/** @file Previews: the same few pictures at every chunk border. */
import { z } from 'zod';
import { weightsSchema } from '../../../configs/averages.ts';
import { samplingOf, samplingSchema } from '../../../configs/sampling.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import { blobRefSchema, digestSchema } from '../../../storage/records.ts';
import type { BlobStore } from '../../../storage/types.ts';
import { outputOf } from '../../execution/output-of.ts';
import { tracesFor } from '../sample-weights.ts';
import { defineBorderStep } from './border-step.ts';
import { listTexts } from './list-texts.ts';

/** Output `index` of `preview`: which picture shows which prompt. */
const previewIndexSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('previews'),
  checkpoint: digestSchema,
  ...samplingSchema.shape,
  /** Absent: ema. */
  weights: weightsSchema.optional(),
  pictures: z.array(z.strictObject({ prompt: z.string(), image: blobRefSchema })),
  links: z.array(digestSchema),
});
export type PreviewIndex = z.output<typeof previewIndexSchema>;

export function readPreviewIndex(blobs: BlobStore, digest: Digest): Promise<PreviewIndex> {
  return readDocument(blobs, digest, previewIndexSchema, 'an index of previews');
}

export const previewStep = defineBorderStep({
  name: 'preview',
  due: ({ config }) => config.run.preview.prompts.length > 0,
  async run({ head, config, call }, checkpoint) {
    const { preview } = config.run;
    const traces = tracesFor(head, preview.weights);
    const body = { checkpoint, ...preview, ...(traces && { traces }), engine: head.engine };
    return outputOf((await call('preview', body)).result, 'index');
  },
  artifact: {
    kind: 'previews',
    schema: previewIndexSchema,
    linksLeaves: true,
    folder: 'previews',
    files(index) {
      const named = index.pictures.map(({ prompt, image }, i) => ({ name: fileOf(i), prompt, blob: image.digest }));
      const shown = named.map(({ name, prompt }) => ({ file: name, prompt }));
      return [
        ...named.map(({ name, blob }) => ({ name, blob })),
        {
          name: 'index.json',
          json: { v: 1, ...samplingOf(index), ...(index.weights && { weights: index.weights }), pictures: shown },
        },
      ];
    },
    shown: ({ pictures }) => ({
      pictures: { 'visual_debug/previews': pictures.map(({ image }) => image.digest) },
      texts: { 'visual_debug/prompts': listTexts(pictures.map(({ prompt }) => prompt)) },
    }),
    describe({ run: { preview } }) {
      if (preview.prompts.length === 0) {
        return '- previews/: pictures at every chunk border (none: run.preview.prompts is empty)';
      }
      const prompts = preview.prompts.map((prompt, i) => `  - ${fileOf(i)}: ${prompt}`);
      return ['- previews/: pictures at every chunk border:', ...prompts].join('\n');
    },
  },
});

function fileOf(index: number): string {
  return `${String(index).padStart(3, '0')}.png`;
}
