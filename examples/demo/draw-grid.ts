/** @file Previews as rows of one labelled picture: all of them while training goes on, three of them in the end. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatCount } from '../../configs/quantity.ts';
import { Unprocessable } from '../../errors.ts';
import { type Preview, previewsAnswer, resultAnswer } from './answers.ts';
import type { Sampled } from './measure-prompts.ts';
import { BATCH, type DemoPlan } from './options.ts';
import { renderPoseSketch } from './pose-sketch.ts';
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

/**
 * Writes grid.png: the previews at the start, in the middle and at the end of training; for a set with joints also
 * poses that were asked for, and below each the picture that was drawn.
 */
export async function drawGrid(api: ToldApi, plan: DemoPlan, samples: readonly Sampled[]): Promise<Grid> {
  const { previews } = await api.get(`/experiments/${plan.experiment}/previews`, previewsAnswer);
  const rows = chooseRows(previews);
  const last = rows.at(-1)?.preview;
  if (last === undefined) throw new Unprocessable(`the experiment ${plan.experiment} has no previews`);
  const when = `after ${formatCount(last.step * BATCH)} training samples`;
  const posed = samples.filter(({ pose }) => pose).slice(0, last.pictures.length);
  return drawSheet(api, plan, 'grid.png', when, rows, await drawPosed(api, posed));
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

/** Rows of a sheet that are no previews. */
interface FurtherRow {
  readonly label: string;
  readonly cells: readonly { readonly image: string; readonly label?: string }[];
}

/** Two rows: sketches of the poses, and the samples. */
async function drawPosed(api: ToldApi, samples: readonly Sampled[]): Promise<FurtherRow[]> {
  if (samples.length === 0) return [];
  const sketches = await Promise.all(
    samples.map(async ({ pose = new Float32Array() }, i) => ({
      image: await api.store(await renderPoseSketch(pose, CELL), `pose-${i}.png`, 'image/png'),
    })),
  );
  const drawn = samples.map(({ image, caption }) => ({ image, label: caption }));
  return [
    { label: 'pose\nasked for', cells: sketches },
    { label: 'drawn', cells: drawn },
  ];
}

type SheetCalls = Pick<ToldApi, 'run' | 'object'>;

function quiet({ untold: api }: ToldApi): SheetCalls {
  return { run: (path, body) => api.run(path, body), object: digest => api.bytes(`/objects/${digest}`) };
}

async function drawSheet(
  calls: SheetCalls,
  { set, size, out }: DemoPlan,
  file: string,
  when: string,
  rows: readonly Row[],
  further: readonly FurtherRow[] = [],
): Promise<Grid> {
  const first = rows[0]?.preview;
  const settings = first === undefined ? '' : ` (guidance ${first.guidance}, ${first.steps} Euler steps)`;
  const body = {
    title: `${set.noun[0]?.toUpperCase()}${set.noun.slice(1)} at ${size} x ${size} px ${when}${settings}`,
    columns: first?.pictures.length,
    cell: CELL,
    rows: [
      ...rows.map(({ name, preview }) => {
        const samples = `${formatCount(preview.step * BATCH)} samples`;
        return name === undefined ? samples : `${name}\n${samples}`;
      }),
      ...further.map(({ label }) => label),
    ],
    cells: [
      ...rows.flatMap(({ preview, prompts }) =>
        preview.pictures.map(({ prompt, digest }) => ({ image: digest, ...(prompts && { label: prompt }) })),
      ),
      ...further.flatMap(({ cells }) => fill(cells, first?.pictures.length ?? cells.length)),
    ],
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

/** A row of a number of places, the last ones empty. */
function fill<T extends object>(cells: readonly T[], places: number): (T | object)[] {
  return Array.from({ length: places }, (_, i) => cells[i] ?? {});
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
