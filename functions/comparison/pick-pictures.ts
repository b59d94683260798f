/** @file Pictures of the arms beside each other: previews and held-out pictures at equal samples or seconds. */
import type { BlobStore } from '../../storage/types.ts';
import { decodeRgb, encodeThumbnail } from '../pictures/image.ts';
import type { RgbImage } from '../pictures/planar.ts';
import type { PictureGridRecord } from './comparison-report.ts';
import type { ArmRuns } from './config-table.ts';
import type { BudgetedRuns } from './equal-views.ts';
import { type Drawn, PICTURE_KINDS, type PictureKind } from './picture-kinds.ts';
import type { CostName } from './read-run.ts';

const SIDE = 128;
const MOST_COLUMNS = 8;
/** Pictures of one grid. */
const MOST_PICTURES = 72;
/** Bytes of all pictures of a page, before base64. */
const MOST_BYTES = 1_500_000;
/** Characters of a caption that a page shows. */
const MOST_TEXT = 200;

export interface PictureRow {
  /** What stands left of the row: an arm, or `original`. */
  readonly label: string;
  readonly webps: readonly Uint8Array[];
}

export interface PictureGrid extends PictureGridRecord {
  readonly shown: readonly PictureRow[];
}

/**
 * The first run of each arm, at equal samples; at equal seconds, too, where those are other steps. Pictures that only
 * some arms have are left out.
 */
export async function pickGrids(
  blobs: BlobStore,
  arms: readonly ArmRuns[],
  budgets: readonly BudgetedRuns[],
  signal: AbortSignal,
): Promise<PictureGrid[]> {
  const grids: PictureGrid[] = [];
  const seen = new Set<string>();
  for (const kind of PICTURE_KINDS) {
    for (const { at, borderOf } of budgets.filter(budget => budget.at !== 'flops')) {
      signal.throwIfAborted();
      const drawn: Drawn[] = [];
      for (const run of arms.flatMap(({ runs }) => runs.slice(0, 1))) {
        const border = borderOf(run);
        const found = border && (await kind.read(blobs, run, border));
        if (found) drawn.push(found);
      }
      const key = JSON.stringify([kind.title, drawn.map(({ run, step }) => [run.experiment, step])]);
      if (drawn.length === 0 || seen.has(key)) continue;
      seen.add(key);
      const grid = await layGrid(blobs, kind, at, drawn);
      if (grid) grids.push(grid);
    }
  }
  return fitBytes(grids);
}

async function layGrid(
  blobs: BlobStore,
  { title, isPair }: PictureKind,
  at: CostName,
  drawn: readonly Drawn[],
): Promise<PictureGrid | undefined> {
  const [first] = drawn;
  const columns = Math.max(2, Math.min(MOST_COLUMNS, Math.floor(MOST_PICTURES / (drawn.length + 1))));
  const keys = [...(first?.pictures.keys() ?? [])]
    .filter(key => drawn.every(({ pictures }) => pictures.has(key)))
    .slice(0, columns);
  if (first === undefined || keys.length === 0) return undefined;
  const rows = await Promise.all(
    drawn.map(async ({ pictures }) =>
      Promise.all(
        keys.map(async key => {
          const image = pictures.get(key)?.image;
          return image ? decodeRgb(await blobs.get(image)) : { data: new Uint8Array(), width: 0, height: 0 };
        }),
      ),
    ),
  );
  const show = (images: readonly RgbImage[], half?: 0 | 1) =>
    Promise.all(images.map(image => encodeThumbnail(half === undefined ? image : halfOf(image, half), SIDE)));
  const sizes = new Set(rows.map(row => row.map(({ width, height }) => `${width} ${height}`).join(', ')));
  const originals = isPair ? [{ label: 'original', webps: await show(rows[0] ?? [], 0) }] : [];
  const samples = await Promise.all(
    drawn.map(async ({ run, step }, i) => ({
      label: `${run.arm}, step ${step}`,
      webps: await show(rows[i] ?? [], isPair ? 1 : undefined),
    })),
  );
  return {
    title,
    at,
    columns: keys.map(key => shorten(first.pictures.get(key)?.label ?? '')),
    rows: drawn.map(({ run, step }) => ({ experiment: run.experiment, arm: run.arm, step })),
    same_noise: sizes.size === 1 && new Set(drawn.map(({ noise }) => noise)).size === 1,
    shown: [...originals, ...samples],
  };
}

function shorten(text: string): string {
  const characters = [...text];
  return characters.length <= MOST_TEXT ? text : `${characters.slice(0, MOST_TEXT - 1).join('')}…`;
}

/** Left (0) or right (1) half of a picture. */
function halfOf({ data, width, height }: RgbImage, half: 0 | 1): RgbImage {
  const own = width / 2;
  const cut = new Uint8Array(3 * own * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * (width * y + half * own);
    cut.set(data.subarray(from, from + 3 * own), 3 * own * y);
  }
  return { data: cut, width: own, height };
}

/** Drops last columns of the largest grid until the pictures fit a page. */
function fitBytes(grids: readonly PictureGrid[]): PictureGrid[] {
  const bytesOf = ({ shown }: PictureGrid) =>
    shown.flatMap(row => row.webps).reduce((sum, webp) => sum + webp.length, 0);
  const fitted = [...grids];
  while (fitted.reduce((sum, grid) => sum + bytesOf(grid), 0) > MOST_BYTES) {
    const largest = fitted.reduce((a, b) => (bytesOf(b) > bytesOf(a) ? b : a));
    const columns = largest.columns.slice(0, -1);
    const shown = largest.shown.map(row => ({ ...row, webps: row.webps.slice(0, -1) }));
    const at = fitted.indexOf(largest);
    fitted.splice(at, 1, ...(columns.length > 0 ? [{ ...largest, columns, shown }] : []));
  }
  return fitted;
}
