/** @file The same prompts at the start, in the middle and at the end of training, as one labelled picture. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Unprocessable } from '../../errors.ts';
import { type Preview, previewsAnswer, resultAnswer } from './answers.ts';
import { BATCH, type DemoPlan } from './options.ts';
import { formatCount } from './terminal.ts';
import type { ToldApi } from './told-api.ts';

/** Pixels of a picture's side in the grid: a whole multiple of both sizes. */
const CELL = 128;

export interface Grid {
  readonly path: string;
  readonly cached: boolean;
}

export async function drawGrid(api: ToldApi, plan: DemoPlan): Promise<Grid> {
  const { previews } = await api.get(`/experiments/${plan.experiment}/previews`, previewsAnswer);
  const rows = chooseRows(previews);
  const last = rows.at(-1)?.preview;
  if (last === undefined) throw new Unprocessable(`the experiment ${plan.experiment} has no previews`);
  const body = {
    title:
      `Portraits at ${plan.size} x ${plan.size} px after ${formatCount(last.step * BATCH)} training samples ` +
      `(guidance ${last.guidance}, ${last.steps} Euler steps)`,
    columns: last.pictures.length,
    cell: CELL,
    rows: rows.map(({ name, preview }) => `${name}\n${formatCount(preview.step * BATCH)} samples`),
    cells: rows.flatMap(({ preview }) =>
      preview.pictures.map(({ prompt, digest }) => ({ image: digest, label: prompt })),
    ),
  };
  const { result, cache } = await api.run('/functions/contact-sheet', body, undefined, 'contact-sheet');
  const { image } = resultAnswer.parse(result).outputs;
  if (image === undefined) throw new Unprocessable('contact-sheet answered without a picture');
  const path = join(plan.out, 'grid.png');
  await writeFile(path, await api.object(image.digest, 'grid.png'));
  return { path, cached: cache === 'hit' };
}

/** The first, the one nearest to half of the way, and the last. */
function chooseRows(previews: readonly Preview[]): { readonly name: string; readonly preview: Preview }[] {
  const [start, ...later] = previews;
  const end = later.pop();
  if (start === undefined) return [];
  if (end === undefined) return [{ name: 'end', preview: start }];
  const distance = ({ step }: Preview) => Math.abs(step - end.step / 2);
  const middle = later.reduce<Preview | undefined>(
    (best, each) => (best === undefined || distance(each) < distance(best) ? each : best),
    undefined,
  );
  return [
    { name: 'start', preview: start },
    ...(middle === undefined ? [] : [{ name: 'middle', preview: middle }]),
    { name: 'end', preview: end },
  ];
}
