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
  const rows = spaces.map(({ extractor, drawn, held_out, obeyed, authentic, data_copying: copying }) => [
    extractor,
    describe(drawn),
    held_out ? describe(held_out) : 'none',
    obeyed ? describe(obeyed) : '-',
    beside(authentic?.drawn.rate, authentic?.held_out?.rate),
    beside(copying?.drawn?.score, copying?.held_out?.score),
  ]);
  const titles = ['', 'copies drawn', 'false alarms', 'by obeying', 'authentic (held-out)', 'C_T (held-out)'];
  return [
    `${experiment}, step ${step}: ${samples} pictures, drawn from ${condition} of the split ${split}`,
    `features: ${why}`,
    '',
    ...formatTable([titles, ...rows]).split('\n'),
    '',
    gap === null
      ? 'loss on held-out pictures: not measured'
      : `loss on held-out pictures: ${formatFixed(gap.held_out, 4)}, on trained ones ${formatFixed(gap.train, 4)}`,
    verdict,
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
