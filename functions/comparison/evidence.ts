/**
 * @file What the documents of a checkpoint say of its quality: the validation suite, the table of quality, the check
 * for copies. A run without one of them has no such numbers.
 */
import { z } from 'zod';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { ControlRow } from './comparison-report.ts';
import type { Measured } from './measures.ts';

/** A number of one checkpoint. */
export interface Scored {
  /** `reconstruction/lpips`, `quality/text/kid`. */
  readonly key: string;
  readonly label: string;
  readonly better?: 'lower' | 'higher';
  readonly measured: Measured;
  /** What it depends on beside the checkpoint. */
  readonly meaning: Json;
  readonly controls: readonly ControlRow[];
}

type Reader = (blobs: BlobStore, digest: Digest) => Promise<readonly Scored[]>;

/** By the key of the artifact in a chunk. */
const READERS: Readonly<Record<string, Reader>> = {
  suite: readSuite,
  evaluation: readEvaluation,
  memorization: readMemorization,
};

export async function readEvidence(
  blobs: BlobStore,
  artifacts: Readonly<Record<string, Digest>>,
): Promise<readonly Scored[]> {
  const found = await Promise.all(
    Object.entries(READERS).map(([artifact, read]) => {
      const digest = artifacts[artifact];
      return digest ? read(blobs, digest) : [];
    }),
  );
  return found.flat();
}

// The documents have more; a comparison reads what it needs, so that a newer one with more parts is readable, too.

const scoreSchema = z.looseObject({
  score: z.string(),
  ids: z.array(z.string()),
  values: z.record(z.string(), z.array(z.number())),
});

const suiteSchema = z.looseObject({
  kind: z.literal('validation-suite'),
  dataset: z.string(),
  seed: z.json().optional(),
  steps: z.json().optional(),
  guidance: z.json().optional(),
  extractor: z.string(),
  lpips: z.string().optional(),
  tests: z.array(z.looseObject({ test: z.string(), weights: z.json(), scores: z.array(scoreSchema) })),
  controls: z.array(scoreSchema).default([]),
});

/** Tests, and the score of each that tells how well it went. */
const TESTS = [
  {
    test: 'reconstruction',
    score: 'full',
    of: 'reconstruction from all signals',
    measures: ['lpips', 'feature_distance', 'psnr', 'ssim'],
  },
  { test: 'text', score: 'text', of: 'held-out pictures from captions alone', measures: ['lpips', 'feature_distance'] },
  {
    test: 'pose_text',
    score: 'pose_text',
    of: 'held-out pictures from pose and caption',
    measures: ['lpips', 'feature_distance'],
  },
  { test: 'pose', score: 'pose', of: 'held-out pictures from the pose alone', measures: ['lpips', 'feature_distance'] },
  {
    test: 'swap',
    score: 'to_b',
    of: 'look of another picture, kept in a swap',
    measures: ['cls_distance', 'color_distance'],
  },
] as const;

const MEASURES: Readonly<Record<string, { readonly label: string; readonly better: 'lower' | 'higher' }>> = {
  lpips: { label: 'LPIPS', better: 'lower' },
  feature_distance: { label: 'feature distance', better: 'lower' },
  cls_distance: { label: 'distance of CLS', better: 'lower' },
  color_distance: { label: 'distance of colours', better: 'lower' },
  psnr: { label: 'PSNR in dB', better: 'higher' },
  ssim: { label: 'SSIM', better: 'higher' },
};

async function readSuite(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const suite = await readDocument(blobs, digest, suiteSchema, 'a validation');
  const { dataset, seed, steps, guidance, extractor, lpips = null } = suite;
  return TESTS.flatMap(({ test, score, of, measures }) => {
    const own = suite.tests.filter(each => each.test === test);
    // Averaged weights are what people sample.
    const found = own.find(({ weights }) => weights === 'ema') ?? own[0];
    const scored = found?.scores.find(each => each.score === score);
    if (found === undefined || scored === undefined) return [];
    return measures.flatMap((name): Scored[] => {
      const measured = meanOfPictures(scored.ids, scored.values[name]);
      const known = MEASURES[name];
      if (measured === undefined || known === undefined) return [];
      const net = { lpips, feature_distance: extractor }[name as string] ?? null;
      return [
        {
          key: `${test}/${name}`,
          label: `${of}: ${known.label}${net === null ? '' : ` (${net})`}`,
          better: known.better,
          measured,
          meaning: {
            dataset,
            seed: seed ?? null,
            steps: steps ?? null,
            guidance: guidance ?? null,
            net,
            weights: found.weights,
          },
          controls:
            test === 'swap'
              ? []
              : suite.controls.flatMap(control => {
                  const mean = meanOfPictures(control.ids, control.values[name])?.value;
                  return mean === undefined ? [] : [{ name: control.score.replace(/_/g, ' '), value: mean }];
                }),
        },
      ];
    });
  });
}

function meanOfPictures(ids: readonly string[], values: readonly number[] | undefined): Measured | undefined {
  if (values === undefined || values.length === 0 || values.length !== ids.length) return undefined;
  if (!values.every(Number.isFinite)) return undefined;
  const byPicture = new Map(ids.map((id, i) => [id, values[i] ?? Number.NaN]));
  return { value: values.reduce((sum, value) => sum + value, 0) / values.length, byPicture };
}

const shareSchema = z.looseObject({ share: z.number() });
const evaluationSchema = z.looseObject({
  kind: z.literal('evaluation'),
  dataset: z.string(),
  extractor: z.string(),
  samples: z.int(),
  seed: z.json(),
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
      pose: z.looseObject({ pck_10: z.number() }).optional(),
      comparison: digestSchema,
    }),
  ),
});
type EvaluationRow = z.output<typeof evaluationSchema>['rows'][number];

interface Column {
  readonly key: string;
  readonly label: string;
  readonly better: 'lower' | 'higher';
  of(row: EvaluationRow): number | undefined;
}

const COLUMNS: readonly Column[] = [
  { key: 'kid', label: 'KID', better: 'lower', of: ({ kid }) => kid.mean },
  { key: 'fd', label: 'Fréchet distance', better: 'lower', of: ({ fd }) => fd },
  { key: 'precision', label: 'precision', better: 'higher', of: ({ precision }) => precision },
  { key: 'recall', label: 'recall', better: 'higher', of: ({ recall }) => recall },
  { key: 'coverage', label: 'coverage', better: 'higher', of: ({ coverage }) => coverage },
  {
    key: 'distance',
    label: 'distance to the picture of the same condition',
    better: 'lower',
    of: ({ distance }) => distance?.mean,
  },
  { key: 'pck', label: 'joints within a tenth of the box (PCK@.1)', better: 'higher', of: ({ pose }) => pose?.pck_10 },
];

async function readEvaluation(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const { dataset, extractor, samples, seed, rows } = await readDocument(
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
          of: ({ attributes: known }) => known?.[name]?.share,
        }),
      );
      const pictures = await readDistances(blobs, row.comparison);
      return [...COLUMNS, ...attributes].flatMap(({ key, label, better, of }): Scored[] => {
        const value = of(row);
        if (value === undefined) return [];
        const byPicture = key === 'distance' ? pictures : undefined;
        return [
          {
            key: `quality/${condition}/${key}`,
            label: `drawn from ${condition.replace(/_/g, ' and ')}: ${label} (${extractor})`,
            better,
            measured: byPicture ?? { value },
            meaning: { dataset, extractor, samples, seed },
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
  spaces: z.array(
    z.looseObject({
      extractor: z.string(),
      excess: z.number(),
      held_out: z.looseObject({ rate: z.number() }).nullable(),
    }),
  ),
});

/** Copies of training pictures, above the false alarms on held-out ones. */
async function readMemorization(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const { dataset, condition, spaces } = await readDocument(blobs, digest, memorizationSchema, 'a check for copies');
  return spaces.map(({ extractor, excess, held_out }) => ({
    key: `copies/${extractor}`,
    label: `share of copies of training pictures (${extractor}), above false alarms`,
    better: 'lower',
    measured: { value: excess },
    meaning: { dataset, condition },
    controls: held_out ? [{ name: 'false alarms on held-out pictures', value: held_out.rate }] : [],
  }));
}
