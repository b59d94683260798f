/** @file The kinds of pictures that runs have of the same prompts or held-out pictures. */
import { z } from 'zod';
import { samplingOf } from '../../configs/sampling.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readHeldOutIndex } from '../experiments/border/held-out-step.ts';
import { readPreviewIndex } from '../experiments/border/preview-step.ts';
import type { Border, RunRecord } from './read-run.ts';

/** What one run has for a grid: its pictures by a key that is the same in all runs, in order. */
export interface Drawn {
  readonly run: RunRecord;
  readonly step: number;
  /** Noise and settings: equal texts mean equal noise. */
  readonly noise: string;
  readonly pictures: ReadonlyMap<string, { readonly label: string; readonly image: Digest }>;
}

export interface PictureKind {
  readonly title: string;
  /** Whether an image has the original on its left half. */
  readonly isPair: boolean;
  read(blobs: BlobStore, run: RunRecord, upTo: Border): Promise<Drawn | undefined>;
}

const PREVIEWS: PictureKind = {
  title: 'Previews',
  isPair: false,
  async read(blobs, run, upTo) {
    const found = lastWith(run, upTo, 'preview');
    if (found === undefined) return undefined;
    const index = await readPreviewIndex(blobs, found.digest);
    const named = index.pictures.map(
      ({ prompt, image }, i) => [`${i} ${prompt}`, { label: prompt, image: image.digest }] as const,
    );
    return { run, step: found.step, noise: noiseOf(index), pictures: new Map(named) };
  },
};

const HELD_OUT: PictureKind = {
  title: 'Held-out pictures, drawn from all their signals',
  isPair: true,
  async read(blobs, run, upTo) {
    const found = lastWith(run, upTo, 'held_out');
    if (found === undefined) return undefined;
    const index = await readHeldOutIndex(blobs, found.digest);
    const named = index.pictures.map(
      ({ id, name, caption, image }, i) => [`${i} ${id}`, { label: caption || name, image: image.digest }] as const,
    );
    return { run, step: found.step, noise: noiseOf(index), pictures: new Map(named) };
  },
};

/** What a validation drew under one condition. */
const suiteKind = (draw: string, title: string): PictureKind => ({
  title,
  isPair: false,
  async read(blobs, run, upTo) {
    const found = lastWith(run, upTo, 'suite');
    if (found === undefined) return undefined;
    const { drawn, ...suite } = await readDocument(blobs, found.digest, suitePicturesSchema, 'a validation');
    const own = drawn.filter(each => each.draw === draw);
    const shown = own.find(({ weights }) => weights === 'ema') ?? own[0];
    if (shown === undefined) return undefined;
    const named = shown.pictures.map(
      ({ id, caption, image }) => [id, { label: caption, image: image.digest }] as const,
    );
    const noise = canonicalJson([suite.dataset, noiseOf({ ...suite, weights: shown.weights })]);
    return { run, step: found.step, noise, pictures: new Map(named) };
  },
});

const suitePicturesSchema = z.looseObject({
  kind: z.literal('validation-suite'),
  dataset: z.string(),
  drawn: z.array(
    z.looseObject({
      draw: z.string(),
      weights: z.json(),
      pictures: z.array(
        z.looseObject({ id: z.string(), caption: z.string(), image: z.looseObject({ digest: digestSchema }) }),
      ),
    }),
  ),
});

/** In the order of the page. */
export const PICTURE_KINDS: readonly PictureKind[] = [
  HELD_OUT,
  suiteKind('full', 'Validation: held-out pictures from all their signals'),
  suiteKind('text', 'Validation: held-out pictures from their captions alone'),
  PREVIEWS,
];

function noiseOf(index: Parameters<typeof samplingOf>[0] & { readonly weights?: unknown }): string {
  return canonicalJson(JSON.parse(JSON.stringify({ ...samplingOf(index), weights: index.weights ?? 'ema' })));
}

function lastWith({ borders }: RunRecord, { step }: Border, artifact: string) {
  const found = borders.findLast(border => border.step <= step && border.chunk.artifacts[artifact] !== undefined);
  const digest = found?.chunk.artifacts[artifact];
  return found && digest ? { step: found.step, digest } : undefined;
}
