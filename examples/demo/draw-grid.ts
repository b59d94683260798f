/** @file Previews as rows of one labelled picture: all of them while training goes on, three of them in the end. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatCount } from '../../configs/quantity.ts';
import { Unprocessable } from '../../errors.ts';
import { type Preview, previewsAnswer, resultAnswer } from './answers.ts';
import { BATCH, type DemoPlan } from './options.ts';
import type { ToldApi } from './told-api.ts';

/** Pixels of a picture's side in the grid: a whole multiple of both sizes. */
const CELL = 128;
const ROWS_FILE = 'previews.png';

export interface Grid {
  readonly path: string;
  readonly cached: boolean;
}

interface Row {
  /** Above the number of samples. */
  readonly name?: string;
  readonly preview: Preview;
  /** Whether each picture has its prompt below. */
  readonly prompts: boolean;
}

/** Writes grid.png: the previews at the start, in the middle and at the end of training. */
export async function drawGrid(api: ToldApi, plan: DemoPlan): Promise<Grid> {
  const { previews } = await api.get(`/experiments/${plan.experiment}/previews`, previewsAnswer);
  const rows = chooseRows(previews);
  const last = rows.at(-1)?.preview;
  if (last === undefined) throw new Unprocessable(`the experiment ${plan.experiment} has no previews`);
  return drawSheet(api, plan, 'grid.png', `after ${formatCount(last.step * BATCH)} training samples`, rows);
}

/** Path of the picture that {@link drawRows} writes. */
export function rowsPath({ out }: DemoPlan): string {
  return join(out, ROWS_FILE);
}

/** Writes a picture with a row for each preview, and the prompts under the last one. @param told Prints the calls. */
export async function drawRows(
  api: ToldApi,
  plan: DemoPlan,
  previews: readonly Preview[],
  told: boolean,
): Promise<void> {
  const rows = previews.map((preview, i) => ({ preview, prompts: i === previews.length - 1 }));
  if (rows.length > 0) await drawSheet(told ? api : quiet(api), plan, ROWS_FILE, 'in training', rows);
}

type SheetCalls = Pick<ToldApi, 'run' | 'object'>;

function quiet({ untold: api }: ToldApi): SheetCalls {
  return { run: (path, body) => api.run(path, body), object: digest => api.bytes(`/objects/${digest}`) };
}

async function drawSheet(
  calls: SheetCalls,
  { size, out }: DemoPlan,
  file: string,
  when: string,
  rows: readonly Row[],
): Promise<Grid> {
  const first = rows[0]?.preview;
  const settings = first === undefined ? '' : ` (guidance ${first.guidance}, ${first.steps} Euler steps)`;
  const body = {
    title: `Portraits at ${size} x ${size} px ${when}${settings}`,
    columns: first?.pictures.length,
    cell: CELL,
    rows: rows.map(({ name, preview }) => {
      const samples = `${formatCount(preview.step * BATCH)} samples`;
      return name === undefined ? samples : `${name}\n${samples}`;
    }),
    cells: rows.flatMap(({ preview, prompts }) =>
      preview.pictures.map(({ prompt, digest }) => ({ image: digest, ...(prompts && { label: prompt }) })),
    ),
  };
  const { result, cache } = await calls.run('/functions/contact-sheet', body, undefined, `contact-sheet-${file}`);
  const { image } = resultAnswer.parse(result).outputs;
  if (image === undefined) throw new Unprocessable('contact-sheet answered without a picture');
  const path = join(out, file);
  // A viewer that looks meanwhile must not find half a picture.
  await writeFile(`${path}.tmp`, await calls.object(image.digest, file));
  await rename(`${path}.tmp`, path);
  return { path, cached: cache === 'hit' };
}

/** The first, the one nearest to half of the way, and the last. */
function chooseRows(previews: readonly Preview[]): Row[] {
  const [start, ...later] = previews;
  const end = later.pop();
  if (start === undefined) return [];
  const prompts = true;
  if (end === undefined) return [{ name: 'end', preview: start, prompts }];
  const distance = ({ step }: Preview) => Math.abs(step - end.step / 2);
  const middle = later.reduce<Preview | undefined>(
    (best, each) => (best === undefined || distance(each) < distance(best) ? each : best),
    undefined,
  );
  return [
    { name: 'start', preview: start, prompts },
    ...(middle === undefined ? [] : [{ name: 'middle', preview: middle, prompts }]),
    { name: 'end', preview: end, prompts },
  ];
}
