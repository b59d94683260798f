/** @file The rows of a table of quality that are drawn: by the checkpoint, by others beside it, and before training. */
import { z } from 'zod';
import { type WeightChoice, weightsSchema } from '../../configs/averages.ts';
import { labelOf } from '../../configs/suite-files.ts';
import { InvalidInput } from '../../errors.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { findKept, type KeptOf } from '../experiments/find-kept.ts';

const MOST_ROWS = 64;

/** Settings of which each combination has a row. */
export const settingsSweepSchema = z
  .strictObject({
    guidance: z.array(z.number().min(0).max(50)).min(1).max(MOST_ROWS).optional(),
    weights: z.array(weightsSchema).min(1).max(MOST_ROWS).optional().describe('as in sample'),
  })
  .describe('further rows of the checkpoint, one for each combination of these settings');
export type SettingsSweep = z.infer<typeof settingsSweepSchema>;

export interface DrawnRow {
  readonly row: string;
  readonly about: string;
  readonly kept: KeptOf;
  /** Instead of those of the call. */
  readonly guidance?: number;
  /** Instead of those of the previews. `initial`: of the network before its first step. */
  readonly weights?: WeightChoice | 'initial';
}

/** @throws InvalidInput for too many combinations; as findKept for a name that means no checkpoint. */
export async function listDrawnRows(
  store: ObjectStore,
  kept: KeptOf,
  beside: readonly string[],
  sweep: SettingsSweep = {},
): Promise<DrawnRow[]> {
  const others = await Promise.all(
    beside.map(async text => ({ row: `beside ${text}`, about: text, kept: await findKept(store, text, 'beside') })),
  );
  const about = `${kept.name} at step ${kept.step}`;
  return [
    { row: 'drawn', about, kept },
    ...combine(sweep).map(({ text, ...settings }) => ({ row: 'sweep', about: `${about}, ${text}`, kept, ...settings })),
    ...others,
    { row: 'untrained', about: 'the same network before its first step', kept, weights: 'initial' },
  ];
}

/** All combinations, each once; none of an empty sweep. */
function combine({ guidance, weights }: SettingsSweep) {
  if (guidance === undefined && weights === undefined) return [];
  const scales = guidance ? [...new Set(guidance)] : [undefined];
  const averages = weights ? [...new Map(weights.map(each => [labelOf(each), each])).values()] : [undefined];
  const all = scales.flatMap(g => averages.map(w => [g, w] as const));
  if (all.length > MOST_ROWS) {
    throw new InvalidInput(`sweep: ${all.length} combinations`, { expected: `at most ${MOST_ROWS}` });
  }
  return all.map(([g, w]) => ({
    text: [...(g === undefined ? [] : [`guidance ${g}`]), ...(w === undefined ? [] : [`weights ${labelOf(w)}`])].join(
      ', ',
    ),
    ...(g !== undefined && { guidance: g }),
    ...(w !== undefined && { weights: w }),
  }));
}
