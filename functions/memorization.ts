/** @file Finds drawn pictures that are copies of training pictures, beside the false alarms on held-out ones. */
import { z } from 'zod';
import { worstPairs } from '../configs/copy-evidence.ts';
import {
  type CaptionSwap,
  COPY_LIMIT,
  COPY_RATIO,
  type Copies,
  type CopiesFound,
  type CopyingMeasures,
  type CopyPair,
  type CosineCopies,
} from '../configs/memorization.ts';
import { Unprocessable } from '../errors.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { readAllItems } from '../storage/blobs/items.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema, type Item } from '../storage/records.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import { type FeatureSet, readFeatures, rowsAlone, takeRows } from './evaluation/feature-sets.ts';
import { countCopies, countOf, type FindCopiesTask, type Likest, type Nearest } from './evaluation/find-copies.ts';
import type { MeasureCopyingTask } from './evaluation/measure-copying.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const MOST_COLUMNS = 65_536;
const indexes = z.array(digestSchema).min(1).max(MOST_COLUMNS);

const spaceSchema = z.strictObject({
  drawn: indexes.describe('outputs index of features of drawn pictures'),
  dataset: indexes.describe('the same of the pages of the dataset'),
  obeyed: indexes
    .optional()
    .describe('the same of pictures that were drawn from conditions of held-out pictures; their ids are those'),
  swapped: indexes
    .optional()
    .describe('the same of pictures drawn from captions of trained pictures, with nothing else of them'),
  swapped_held_out: indexes.optional().describe('the same from captions of held-out pictures'),
  cosine: z
    .number()
    .min(-1)
    .max(1)
    .optional()
    .describe('of an extractor that finds copies: cosine above which two pictures are copies, such as 0.5 of SSCD'),
  cosine_told: z
    .literal(true)
    .optional()
    .describe('the extractor was not trained to find copies: its rate by cosine is told, and judges nothing'),
});

export const memorization = defineFunction({
  name: 'memorization',
  summary:
    'Finds drawn pictures that are copies of training pictures: the nearest is far nearer than the next. Outputs ' +
    'copies (JSON), with the rate of false alarms on held-out pictures, how often held-out pictures are met by their ' +
    'conditions alone; pictures that their caption alone gives back; and measures of copying of the whole set: ' +
    'authenticity (AuthPct) and the test of data-copying (C_T).',
  version: 4,
  kind: 'pure',
  digests: { dataset: 'dataset' },
  example: { dataset: 'portraits', spaces: [{ drawn: [DIGEST], dataset: [DIGEST] }] },
  input: z.strictObject({
    dataset: digestSchema,
    spaces: z.array(spaceSchema).min(1).max(8).describe('features by one extractor each'),
    ratio: z.number().min(0).max(1).default(COPY_RATIO).describe('d1 / d2 below which a picture is a copy'),
    limit: z.number().min(0).max(1).default(COPY_LIMIT).describe('rate above the false alarms that is memorizing'),
  }),
  async run(ctx, { dataset, spaces, ratio, limit }) {
    const items = new Map(
      (await readAllItems(ctx.blobs, await readDataset(ctx.blobs, dataset))).map(item => [item.id, item]),
    );
    const found: CopiesFound['spaces'] = [];
    const pairs: CopyPair[] = [];
    for (const space of spaces) {
      const measured = await measureSpace(ctx, items, space, ratio);
      found.push(measured.space);
      pairs.push(...measured.pairs);
    }
    const document: CopiesFound = {
      ...{ v: 1, kind: 'copies', dataset, ratio, limit, spaces: found },
      memorized: found.some(space => hasMemorized(space, limit)),
      pairs: worstPairs(pairs),
      links: [],
    };
    return { outputs: { copies: await putDocument(ctx.blobs, document) } };
  },
});

type Space = z.infer<typeof spaceSchema>;

async function measureSpace(ctx: FunctionContext, items: ReadonlyMap<string, Item>, space: Space, ratio: number) {
  const drawn = await readFeatures(ctx.blobs, space.drawn);
  const all = await readFeatures(ctx.blobs, space.dataset, id => items.has(id));
  const take = (wanted: (item: Item | undefined) => boolean) =>
    takeRows(
      all,
      all.ids.flatMap((id, row) => (wanted(items.get(id)) ? [row] : [])),
    );
  const [training, heldOut] = [take(item => item?.split === 'train'), take(isHeldOut)];
  if (training.ids.length < 2) {
    throw new Unprocessable(`the dataset has ${training.ids.length} training pictures`, { expected: 'at least 2' });
  }
  const clusterOf = (id: string) => items.get(id)?.cluster ?? id;
  const clusters = training.ids.map(clusterOf);
  const search = (pictures: FeatureSet): Promise<Nearest[]> => {
    const task: FindCopiesTask = { pictures: rowsAlone(pictures), training: rowsAlone(training), clusters };
    return ctx.task<Nearest[]>('find-copies', task);
  };
  const near = await search(drawn);
  const alarms = heldOut.ids.length > 0 ? await search(heldOut) : undefined;
  const rates = { drawn: countCopies(near, ratio), held_out: alarms ? countCopies(alarms, ratio) : null };
  const read = async (indexes: readonly Digest[] | undefined) => indexes && readFeatures(ctx.blobs, indexes);
  const countOwn = async (pictures: FeatureSet | undefined) =>
    pictures && countReturned(ctx, { pictures, all, clusterOf }, ratio);
  const met = await read(space.obeyed);
  const obeyed = await countOwn(met);
  const floor = Math.max(rates.held_out?.rate ?? 0, obeyed?.rate ?? 0);
  const excess = Math.max(0, rates.drawn.rate - floor);
  const pairs = near.map(({ index, d1, d2, ratio }, i): CopyPair => {
    const [nearest, nearestPictures] = [training.ids[index] ?? '', training.columns[index]];
    const [id, pictures] = [drawn.ids[i] ?? '', drawn.columns[i]];
    return {
      ...{ id, pictures: pictures ?? '', nearest, nearest_pictures: nearestPictures ?? '' },
      ...{ extractor: drawn.extractor, d1, ...(d2 !== undefined && { d2 }), ratio },
    };
  });
  const copying = await ctx.task<CopyingMeasures>('measure-copying', {
    ...{ drawn: rowsAlone(drawn), training: rowsAlone(training), clusters },
    ...(alarms && { heldOut: rowsAlone(heldOut) }),
  } satisfies MeasureCopyingTask);
  const swapFloor = await countOwn(await read(space.swapped_held_out));
  const returned = await countOwn(await read(space.swapped));
  const swap = returned && compareSwapped(returned, swapFloor);
  const cosine =
    space.cosine === undefined
      ? undefined
      : await compareCosines(ctx, {
          ...{ above: space.cosine, drawn, training, heldOut, all, met, clusterOf },
          ...(space.cosine_told && { told: true }),
        });
  const measured = {
    ...{ ...rates, ...(obeyed && { obeyed }), excess, ...(swap && { caption_swap: swap }) },
    ...{ ...(cosine && { cosine }), ...copying },
  };
  return { space: { extractor: drawn.extractor, training: training.ids.length, ...measured }, pairs };
}

interface OwnSets {
  /** Drawn ones: their ids are those of the pictures of their conditions. */
  readonly pictures: FeatureSet;
  /** Of all pictures of the dataset. */
  readonly all: FeatureSet;
  /** Near-duplicates have one. */
  readonly clusterOf: (id: string) => string;
}

/** Whether a picture of the dataset is just that of a drawn one. */
function isOwn({ pictures, all, clusterOf }: OwnSets, index: number, i: number): boolean {
  return clusterOf(all.ids[index] ?? '') === clusterOf(pictures.ids[i] ?? '');
}

/** Of drawn pictures: those that are copies of just the picture of their id, among all pictures of the dataset. */
async function countReturned(ctx: FunctionContext, sets: OwnSets, ratio: number): Promise<Copies> {
  const { pictures, all, clusterOf } = sets;
  const clusters = all.ids.map(clusterOf);
  const task: FindCopiesTask = { pictures: rowsAlone(pictures), training: rowsAlone(all), clusters };
  const near = await ctx.task<Nearest[]>('find-copies', task);
  // One that is near to another picture is no sign of its own.
  return countCopies(
    near.map((each, i) => (isOwn(sets, each.index, i) ? each : { ...each, ratio: 1 })),
    ratio,
  );
}

interface CosineSets {
  readonly above: number;
  readonly drawn: FeatureSet;
  readonly training: FeatureSet;
  readonly heldOut: FeatureSet;
  readonly all: FeatureSet;
  /** Drawn from conditions of held-out pictures. */
  readonly met: FeatureSet | undefined;
  readonly clusterOf: OwnSets['clusterOf'];
  /** Its rate judges nothing. */
  readonly told?: true;
}

/** By the rule of networks that find copies: a cosine above a threshold. */
async function compareCosines(
  ctx: FunctionContext,
  { above, drawn, training, heldOut, all, met, clusterOf, told }: CosineSets,
): Promise<CosineCopies> {
  const search = (pictures: FeatureSet, among: FeatureSet) =>
    ctx.task<Likest[]>('find-likest', { pictures: rowsAlone(pictures), training: rowsAlone(among) });
  const count = async (pictures: FeatureSet) =>
    countOf((await search(pictures, training)).map(({ cosine }) => cosine > above));
  const obeyed =
    met &&
    countOf(
      (await search(met, all)).map(
        ({ index, cosine }, i) => cosine > above && isOwn({ pictures: met, all, clusterOf }, index, i),
      ),
    );
  const [found, alarms] = [await count(drawn), heldOut.ids.length > 0 ? await count(heldOut) : null];
  const floor = Math.max(alarms?.rate ?? 0, obeyed?.rate ?? 0);
  const excess = Math.max(0, found.rate - floor);
  return { above, ...(told && { told }), drawn: found, held_out: alarms, ...(obeyed && { obeyed }), excess };
}

function compareSwapped(returned: Copies, floor: Copies | undefined): CaptionSwap {
  return { returned, floor: floor ?? null, excess: Math.max(0, returned.rate - (floor?.rate ?? 0)) };
}

function hasMemorized(space: CopiesFound['spaces'][number], limit: number): boolean {
  const { caption_swap: swap, cosine } = space;
  return [
    space,
    ...(cosine && !cosine.told ? [cosine] : []),
    ...(swap ? [{ ...swap, drawn: swap.returned, obeyed: swap.floor }] : []),
  ].some(({ excess, drawn, obeyed }) => excess > limit && isAbove(drawn, obeyed ?? undefined));
}

/** Whether the interval of 95 % of the difference of both rates lies above 0 (Newcombe 1998, method 10). */
function isAbove(drawn: Copies, others: Copies | undefined): boolean {
  if (others === undefined) return true;
  return drawn.rate - others.rate > Math.hypot(drawn.rate - drawn.low, others.high - others.rate);
}

function isHeldOut(item: Item | undefined): boolean {
  return item?.split === 'val' || item?.split === 'test';
}

/** Without what a worker thread has no use for. */
