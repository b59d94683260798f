/** @file The columns of a table of quality by which runs are compared. */
import { z } from 'zod';
import { digestSchema } from '../../storage/records.ts';

const shareSchema = z.looseObject({ share: z.number() });

export const evaluationRowSchema = z.looseObject({
  row: z.string(),
  condition: z.string().optional(),
  /** Training pictures that the row is compared with. */
  real: z.int().optional(),
  kid: z.looseObject({ mean: z.number() }),
  fd: z.number(),
  precision: z.number(),
  recall: z.number(),
  density: z.number(),
  coverage: z.number(),
  cmmd: z.number().optional(),
  distance: z.looseObject({ mean: z.number() }).optional(),
  attributes: z.record(z.string(), shareSchema).optional(),
  fidelity: z.record(z.string(), z.looseObject({ mean: z.number() })).optional(),
  clip: z
    .looseObject({
      score: z.looseObject({ mean: z.number() }),
      rank: z.number(),
      first: z.number(),
      fits: digestSchema.optional(),
    })
    .optional(),
  vqa: z
    .looseObject({
      pictures: z.int(),
      right: z.looseObject({ mean: z.number() }),
      difference: z.looseObject({ mean: z.number() }),
      model_digests: z.array(z.string()).optional(),
      answers: digestSchema,
    })
    .optional(),
  pose: z.looseObject({ pictures: z.int().optional(), pck_10: z.number(), pck_05: z.number() }).optional(),
  comparison: digestSchema,
});
export type EvaluationRow = z.output<typeof evaluationRowSchema>;

/**
 * What judges the pictures: their features, as sets or pair by pair, a net of LPIPS, a CLIP, a model that answers
 * questions, what finds joints, or what is read from pixels.
 */
export type Judge = 'sets' | 'extractor' | 'lpips' | 'clip' | 'clip sets' | 'vqa' | 'pose' | 'pixels';

export interface Column {
  readonly key: string;
  readonly label: string;
  readonly better: 'lower' | 'higher';
  readonly judge: Judge;
  of(row: EvaluationRow): number | undefined;
}

const bySets = { judge: 'sets' } as const;
const byClip = { judge: 'clip' } as const;
const byPose = { judge: 'pose' } as const;

const COLUMNS: readonly Column[] = [
  { key: 'kid', label: 'KID', better: 'lower', ...bySets, of: ({ kid }) => kid.mean },
  { key: 'fd', label: 'Fréchet distance', better: 'lower', ...bySets, of: ({ fd }) => fd },
  { key: 'precision', label: 'precision', better: 'higher', ...bySets, of: ({ precision }) => precision },
  { key: 'recall', label: 'recall', better: 'higher', ...bySets, of: ({ recall }) => recall },
  { key: 'density', label: 'density', better: 'higher', ...bySets, of: ({ density }) => density },
  { key: 'coverage', label: 'coverage', better: 'higher', ...bySets, of: ({ coverage }) => coverage },
  {
    key: 'distance',
    label: 'distance to the picture of the same condition',
    better: 'lower',
    judge: 'extractor',
    of: ({ distance }) => distance?.mean,
  },
  {
    key: 'lpips',
    label: 'LPIPS to the picture of the same condition',
    better: 'lower',
    judge: 'lpips',
    of: ({ fidelity }) => fidelity?.lpips?.mean,
  },
  { key: 'cmmd', label: 'CMMD', better: 'lower', judge: 'clip sets', of: ({ cmmd }) => cmmd },
  {
    key: 'clip',
    label: 'fit of picture and caption (CLIPScore)',
    better: 'higher',
    ...byClip,
    of: ({ clip }) => clip?.score.mean,
  },
  {
    key: 'clip_rank',
    label: 'rank of the right caption among others',
    better: 'lower',
    ...byClip,
    of: ({ clip }) => clip?.rank,
  },
  {
    key: 'clip_first',
    label: 'share of pictures nearest to their own caption',
    better: 'higher',
    ...byClip,
    of: ({ clip }) => clip?.first,
  },
  {
    key: 'vqa',
    label: 'yes to the caption (VQA)',
    better: 'higher',
    judge: 'vqa',
    of: ({ vqa }) => vqa?.right.mean,
  },
  {
    key: 'vqa_difference',
    label: 'yes to the caption rather than to another one (VQA)',
    better: 'higher',
    judge: 'vqa',
    of: ({ vqa }) => vqa?.difference.mean,
  },
  {
    key: 'pck',
    label: 'joints within a tenth of the box (PCK@.1)',
    better: 'higher',
    ...byPose,
    of: ({ pose }) => pose?.pck_10,
  },
  {
    key: 'pck_05',
    label: 'joints within a twentieth of the box (PCK@.05)',
    better: 'higher',
    ...byPose,
    of: ({ pose }) => pose?.pck_05,
  },
];

/** The columns of a row, with those of its attributes. Those that were not measured have no number. */
export function columnsOf({ attributes = {} }: EvaluationRow): readonly Column[] {
  const shown = Object.keys(attributes).map(
    (name): Column => ({
      key: `attributes/${name}`,
      label: `${name} as the caption says`,
      better: 'higher',
      judge: 'pixels',
      of: ({ attributes: known }) => known?.[name]?.share,
    }),
  );
  return [...COLUMNS, ...shown];
}
