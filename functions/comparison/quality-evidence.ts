/** @file What a table of quality tells of a checkpoint. */
import { z } from 'zod';
import { clipFitsSchema } from '../../configs/clip-scores.ts';
import { listSome } from '../../configs/quantity.ts';
import { vqaAnswersSchema } from '../../configs/vqa-scores.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import { columnsOf, type EvaluationRow, evaluationRowSchema, type Judge } from './quality-columns.ts';
import { type Measured, meanOfPictures, type Scored } from './scored.ts';

const evaluationSchema = z.looseObject({
  kind: z.literal('evaluation'),
  dataset: z.string(),
  extractor: z.string(),
  samples: z.int(),
  sizes: z.array(z.looseObject({ width: z.int(), height: z.int() })).optional(),
  seed: z.json(),
  sampling: z.json().optional(),
  lpips: z.string().optional(),
  clip: z.string().optional(),
  vqa: z.string().optional(),
  pose: z.string().optional(),
  rows: z.array(evaluationRowSchema),
});

export async function readEvaluation(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const table = await readDocument(blobs, digest, evaluationSchema, 'a table of quality');
  const { dataset, extractor, lpips = null, clip = null, vqa = null, pose = null, rows } = table;
  const { samples, seed, sampling = null } = table;
  const pixels = table.sizes ? `, at ${listSome(table.sizes.map(describeSize), MOST_SIZES)} pixels` : '';
  const controls = rows.filter(({ row }) => row !== 'drawn' && row !== 'sweep' && !row.startsWith('beside '));
  const scored = rows
    .filter(({ row }) => row === 'drawn')
    .map(async (row): Promise<Scored[]> => {
      const condition = row.condition ?? 'full';
      const byPicture = await readPictures(blobs, row);
      const judges = judgesOf({ extractor, lpips, clip, vqa, pose }, row);
      return columnsOf(row).flatMap(({ key, label, better, judge, of }): Scored[] => {
        const value = of(row);
        if (value === undefined) return [];
        const { name, meaning } = judges[judge];
        return [
          {
            key: `quality/${condition}/${key}`,
            label: `drawn from ${condition.replace(/_/g, ' and ')}: ${label}${name === null ? '' : ` (${name})`}${pixels}`,
            better,
            measured: byPicture[key] ?? { value },
            meaning: { dataset, ...meaning, samples, seed, sampling },
            controls: controls.flatMap(control => {
              const found = of(control);
              return found === undefined ? [] : [{ name: control.row.replace(/_/g, ' '), value: found }];
            }),
          },
        ];
      });
    });
  return (await Promise.all(scored)).flat();
}

/** Sizes that a label names. */
const MOST_SIZES = 2;
const describeSize = ({ width, height }: { readonly width: number; readonly height: number }) => `${width} x ${height}`;

/** Who judges a row, and what the numbers depend on: those of sets are biased by how many pictures the sets have. */
function judgesOf(
  {
    extractor,
    lpips,
    clip,
    vqa,
    pose,
  }: Readonly<Record<'extractor' | 'lpips' | 'clip' | 'vqa' | 'pose', string | null>>,
  row: EvaluationRow,
): Readonly<Record<Judge, { readonly name: string | null; readonly meaning: object }>> {
  const { real = null, pose: { pictures = null } = {} } = row;
  const { pictures: asked = null, model_digests: digests = null } = row.vqa ?? {};
  return {
    sets: { name: extractor, meaning: { extractor, real } },
    extractor: { name: extractor, meaning: { extractor } },
    lpips: { name: lpips, meaning: { net: lpips } },
    clip: { name: clip, meaning: { net: clip } },
    'clip sets': { name: clip, meaning: { net: clip, real } },
    vqa: { name: vqa, meaning: { model: vqa, digests, pictures: asked } },
    pose: { name: pose, meaning: pose === null ? {} : { net: pose, pictures } },
    pixels: { name: null, meaning: {} },
  };
}

const distancesSchema = z.looseObject({
  kind: z.literal('set-comparison'),
  distances: z.array(z.looseObject({ id: z.string(), distance: z.number() })).optional(),
});

/** Columns that have a number of each picture, by their keys. */
async function readPictures(
  blobs: BlobStore,
  { comparison, clip, vqa }: EvaluationRow,
): Promise<Readonly<Record<string, Measured | undefined>>> {
  const { distances = [] } = await readDocument(blobs, comparison, distancesSchema, 'a comparison of sets');
  const fits = clip?.fits ? (await readDocument(blobs, clip.fits, clipFitsSchema, 'fits of captions')).items : [];
  const answers = vqa ? (await readDocument(blobs, vqa.answers, vqaAnswersSchema, 'answers about pictures')).items : [];
  const mean = <T extends { readonly id: string }>(items: readonly T[], pick: (item: T) => number) =>
    meanOfPictures(
      items.map(({ id }) => id),
      items.map(pick),
    );
  return {
    distance: mean(distances, ({ distance }) => distance),
    clip: mean(fits, ({ score }) => score),
    clip_rank: mean(fits, ({ rank }) => rank),
    clip_first: mean(fits, ({ rank }) => Number(rank === 1)),
    vqa: mean(answers, ({ right }) => right),
    vqa_difference: mean(answers, ({ right, distractor }) => right - distractor),
  };
}
