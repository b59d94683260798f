/** @file The answer of `check-memorization` as a table for a terminal: a row for each space that was looked at. */
import { z } from 'zod';
import { type Copies, memorizationSchema } from '../configs/memorization.ts';
import { formatFixed, formatTable } from './table.ts';

export const checkedSchema = z.looseObject({
  ...memorizationSchema.omit({ kind: true, pairs: true, links: true }).shape,
  experiment: z.string(),
  step: z.int(),
  verdict: z.string(),
  /** Digest of the whole document. */
  document: z.string(),
  folder: z.string().optional(),
});
export type Checked = z.infer<typeof checkedSchema>;

/** The lines of a terminal, without the place of the pictures. */
export function formatCopies(found: Checked): string[] {
  const { experiment, step, samples, condition, split, spaces, gap, why_extractor: why, verdict } = found;
  const { conditions = [condition] } = found;
  const rows = spaces.map(
    ({ drawn, held_out, obeyed, caption_swap: swap, authentic, data_copying: copying, ...space }) => [
      titleOf(space),
      describe(drawn),
      held_out ? describe(held_out) : 'none',
      obeyed ? describe(obeyed) : '-',
      swap ? describe(swap.returned) : '-',
      swap?.floor ? describe(swap.floor) : '-',
      beside(authentic?.drawn.rate, authentic?.held_out?.rate),
      beside(copying?.drawn?.score, copying?.held_out?.score),
    ],
  );
  const titles = [
    ...['', 'copies drawn', 'false alarms', 'by obeying', 'by caption', 'of held-out captions'],
    ...['authentic (held-out)', 'C_T (held-out)'],
  ];
  return [
    `${experiment}, step ${step}: ${samples} pictures, drawn from ${conditions.join(' and from ')} of the split ${split}`,
    ...describeTrained(found),
    `features: ${why}`,
    '',
    ...formatTable([titles, ...rows]).split('\n'),
    ...describeSwap(found),
    ...spaces.flatMap(describeCosine),
    '',
    gap === null
      ? 'loss on held-out pictures: not measured'
      : `loss on held-out pictures: ${formatFixed(gap.held_out, 4)}, on trained ones ${formatFixed(gap.train, 4)}`,
    ...describeGap(found),
    verdict,
  ];
}

/** `dct, from text` */
function titleOf({ extractor, condition }: Pick<Checked['spaces'][number], 'extractor' | 'condition'>): string {
  return condition === undefined ? extractor : `${extractor}, from ${condition}`;
}

/** `trained: 16000 samples, 25.1 passes over 637 pictures` */
function describeTrained({ trained }: Checked): string[] {
  if (trained === undefined) return [];
  const { samples, pictures, passes } = trained;
  return [`trained: ${samples} samples, ${formatFixed(passes, 1)} passes over ${pictures} pictures`];
}

function describeSwap({ caption_swap: swap, no_caption_swap: why }: Checked): string[] {
  if (why !== undefined) return ['', `without the caption swap test: ${why}`];
  if (swap === undefined) return [];
  const given = swap.condition === 'other_pose' ? 'the pose of another picture' : 'nothing else';
  return ['', `by caption: ${swap.samples} pictures from captions of trained pictures with ${given}`];
}

/** `sscd, cosine above 0.5: 3 of 1000 (...), false alarms 0 of 90 (...)` */
function describeCosine({ cosine, ...space }: Checked['spaces'][number]): string[] {
  if (cosine === undefined) return [];
  const { above, told, drawn, held_out, obeyed } = cosine;
  const others = [
    ...(held_out ? [`false alarms ${describe(held_out)}`] : []),
    ...(obeyed ? [`by obeying ${describe(obeyed)}`] : []),
  ];
  const note = told ? '; judges nothing' : '';
  return [`${titleOf(space)}, cosine above ${above}: ${[describe(drawn), ...others].join(', ')}${note}`];
}

/** Distances of drawn pictures to those of their conditions. */
function describeGap({ picture_gap: found, no_picture_gap: none, no_lpips: why }: Checked): string[] {
  if (none !== undefined) return [`distance to the pictures of the conditions: not measured, ${none}`];
  if (found === undefined) return [];
  const { measures, extractor, lpips } = found;
  const line = (name: string, measured: (typeof measures)['lpips']) => {
    if (measured === undefined) return [];
    const { train, held_out, difference } = measured;
    const [low, high] = [difference.low, difference.high].map(value => formatFixed(value, 3));
    return [
      `${name} to held-out pictures of the conditions: ${formatFixed(held_out.mean, 3)}, to trained ones ` +
        `${formatFixed(train.mean, 3)} (gap ${low} to ${high})`,
    ];
  };
  return [
    ...line(`LPIPS (${lpips})`, measures.lpips),
    ...line(`feature distance (${extractor})`, measures.feature_distance),
    ...(why === undefined ? [] : [`without LPIPS: ${why}`]),
  ];
}

/** `3 of 1000 (0.1 to 0.9 %)` */
function describe({ copies, pictures, low, high }: Copies): string {
  return `${copies} of ${pictures} (${formatFixed(100 * low, 1)} to ${formatFixed(100 * high, 1)} %)`;
}

function beside(drawn: number | undefined, heldOut: number | undefined): string {
  if (drawn === undefined) return '-';
  return heldOut === undefined ? formatFixed(drawn, 2) : `${formatFixed(drawn, 2)} (${formatFixed(heldOut, 2)})`;
}
