/** @file What a table of quality and a check for copies tell of a checkpoint. */
import { z } from 'zod';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Measured } from './measures.ts';
import { meanOfPictures, type Scored } from './scored.ts';

const shareSchema = z.looseObject({ share: z.number() });
const evaluationSchema = z.looseObject({
  kind: z.literal('evaluation'),
  dataset: z.string(),
  extractor: z.string(),
  samples: z.int(),
  seed: z.json(),
  sampling: z.json().optional(),
  lpips: z.string().optional(),
  rows: z.array(
    z.looseObject({
      row: z.string(),
      condition: z.string().optional(),
      kid: z.looseObject({ mean: z.number() }),
      fd: z.number(),
      precision: z.number(),
      recall: z.number(),
      density: z.number(),
      coverage: z.number(),
      distance: z.looseObject({ mean: z.number() }).optional(),
      attributes: z.record(z.string(), shareSchema).optional(),
      fidelity: z.record(z.string(), z.looseObject({ mean: z.number() })).optional(),
      pose: z.looseObject({ pck_10: z.number(), pck_05: z.number() }).optional(),
      comparison: digestSchema,
    }),
  ),
});
type EvaluationRow = z.output<typeof evaluationSchema>['rows'][number];

interface Column {
  readonly key: string;
  readonly label: string;
  readonly better: 'lower' | 'higher';
  /** Read from pixels, without features. */
  readonly isPlain?: true;
  of(row: EvaluationRow): number | undefined;
}

const COLUMNS: readonly Column[] = [
  { key: 'kid', label: 'KID', better: 'lower', of: ({ kid }) => kid.mean },
  { key: 'fd', label: 'Fréchet distance', better: 'lower', of: ({ fd }) => fd },
  { key: 'precision', label: 'precision', better: 'higher', of: ({ precision }) => precision },
  { key: 'recall', label: 'recall', better: 'higher', of: ({ recall }) => recall },
  { key: 'density', label: 'density', better: 'higher', of: ({ density }) => density },
  { key: 'coverage', label: 'coverage', better: 'higher', of: ({ coverage }) => coverage },
  {
    key: 'distance',
    label: 'distance to the picture of the same condition',
    better: 'lower',
    of: ({ distance }) => distance?.mean,
  },
  {
    key: 'pck',
    label: 'joints within a tenth of the box (PCK@.1)',
    better: 'higher',
    isPlain: true,
    of: ({ pose }) => pose?.pck_10,
  },
  {
    key: 'pck_05',
    label: 'joints within a twentieth of the box (PCK@.05)',
    better: 'higher',
    isPlain: true,
    of: ({ pose }) => pose?.pck_05,
  },
  {
    key: 'lpips',
    label: 'LPIPS to the picture of the same condition',
    better: 'lower',
    isPlain: true,
    of: ({ fidelity }) => fidelity?.lpips?.mean,
  },
];

export async function readEvaluation(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const { dataset, extractor, samples, seed, sampling, lpips, rows } = await readDocument(
    blobs,
    digest,
    evaluationSchema,
    'a table of quality',
  );
  const controls = rows.filter(({ row }) => row !== 'drawn' && !row.startsWith('beside '));
  const scored = rows
    .filter(({ row }) => row === 'drawn')
    .map(async (row): Promise<Scored[]> => {
      const condition = row.condition ?? 'full';
      const attributes = Object.keys(row.attributes ?? {}).map(
        (name): Column => ({
          key: `attributes/${name}`,
          label: `${name} as the caption says`,
          better: 'higher',
          isPlain: true,
          of: ({ attributes: known }) => known?.[name]?.share,
        }),
      );
      const pictures = await readDistances(blobs, row.comparison);
      return [...COLUMNS, ...attributes].flatMap(({ key, label, better, isPlain, of }): Scored[] => {
        const value = of(row);
        if (value === undefined) return [];
        const byPicture = key === 'distance' ? pictures : undefined;
        return [
          {
            key: `quality/${condition}/${key}`,
            label: `drawn from ${condition.replace(/_/g, ' and ')}: ${label}${isPlain ? '' : ` (${extractor})`}`,
            better,
            measured: byPicture ?? { value },
            meaning: {
              dataset,
              ...(!isPlain && { extractor }),
              ...(key === 'lpips' && { net: lpips ?? null }),
              samples,
              seed,
              sampling: sampling ?? null,
            },
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

const distancesSchema = z.looseObject({
  kind: z.literal('set-comparison'),
  distances: z.array(z.looseObject({ id: z.string(), distance: z.number() })).optional(),
});

async function readDistances(blobs: BlobStore, digest: Digest): Promise<Measured | undefined> {
  const { distances = [] } = await readDocument(blobs, digest, distancesSchema, 'a comparison of sets');
  return meanOfPictures(
    distances.map(({ id }) => id),
    distances.map(({ distance }) => distance),
  );
}

const memorizationSchema = z.looseObject({
  kind: z.literal('memorization'),
  dataset: z.string(),
  condition: z.string(),
  split: z.string().optional(),
  ratio: z.number().optional(),
  sampling: z.json().optional(),
  spaces: z.array(
    z.looseObject({
      extractor: z.string(),
      excess: z.number(),
      held_out: z.looseObject({ rate: z.number() }).nullable(),
    }),
  ),
});

/** Copies of training pictures, above the false alarms on held-out ones. */
export async function readMemorization(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const {
    dataset,
    condition,
    split = null,
    ratio = null,
    sampling = null,
    spaces,
  } = await readDocument(blobs, digest, memorizationSchema, 'a check for copies');
  return spaces.map(({ extractor, excess, held_out }) => ({
    key: `copies/${extractor}`,
    label: `share of copies of training pictures (${extractor}), above false alarms`,
    better: 'lower',
    measured: { value: excess },
    meaning: { dataset, condition, split, ratio, sampling },
    controls: held_out ? [{ name: 'false alarms on held-out pictures', value: held_out.rate }] : [],
  }));
}
