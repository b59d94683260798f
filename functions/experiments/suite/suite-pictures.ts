/** @file The pictures of a run of the suite: drawn ones, and those that they are compared with. Each is made once. */
import type { WeightChoice } from '../../../configs/averages.ts';
import type { ControlName } from '../../../configs/control-names.ts';
import { missingSignals } from '../../../configs/drawn-conditions.ts';
import type { Sampling } from '../../../configs/sampling.ts';
import { seedSchema } from '../../../configs/seed.ts';
import { signalsOf } from '../../../configs/signals.ts';
import {
  DRAWS,
  type DrawKey,
  type DrawRow,
  drawsOf,
  type ScoreRow,
  SUITE_TESTS,
} from '../../../configs/suite-tests.ts';
import { Unprocessable } from '../../../errors.ts';
import { readDataset } from '../../../storage/blobs/document-blobs.ts';
import type { Json } from '../../../storage/canonical.ts';
import type { Digest } from '../../../storage/digest.ts';
import { mapBounded } from '../../../storage/map-bounded.ts';
import { outputOf } from '../../execution/output-of.ts';
import { type DrawnIndex, readDrawnIndex } from '../drawn-index.ts';
import { chooseColumns, openPagePictures } from '../page-pictures.ts';
import { describeColumn } from './score-column.ts';
import type { SuiteContext, SuiteRequest } from './suite-request.ts';

/** Training pictures, about, among which the control `nearest` looks: a dataset may have very many. */
const NEAREST_AMONG = 1000;
const COLUMNS_AT_ONCE = 4;

export interface Drawn {
  readonly key: DrawKey;
  readonly about: string;
  readonly index: DrawnIndex;
  /** Of the index. */
  readonly digest: Digest;
}

export interface SuitePictures {
  /** @throws Unprocessable if the model lacks a signal, or no picture can be drawn. */
  draw(key: DrawKey): Promise<Drawn>;
  /** Column with the ids of the drawn ones. */
  counterpart(drawn: Drawn, of: ScoreRow['against']): Promise<Digest>;
  /** Column of a control row, with the ids of the drawn ones. */
  control(drawn: Drawn, name: ControlName): Promise<Digest>;
  /** All draws until now, in their order. */
  list(): Promise<Drawn[]>;
}

/** How many draws a run makes at most: each once for each of the weights. */
export function countDraws({ tests, weights, config }: Pick<SuiteRequest, 'tests' | 'weights' | 'config'>): number {
  const signals = signalsOf(config.model.conditions);
  const keys = new Set(tests.flatMap(test => drawsOf(SUITE_TESTS[test])));
  const possible = [...keys].filter(key => missingSignals(DRAWS[key].condition, signals) === undefined);
  return possible.length * weights.length;
}

export function openPictures(ctx: SuiteContext, request: SuiteRequest, weights: WeightChoice): SuitePictures {
  const { checkpoint, dataset, pictures, engine } = request;
  const signals = signalsOf(request.config.model.conditions);
  const drawn = new Map<DrawKey, Promise<Drawn>>();

  async function drawAnew(key: DrawKey): Promise<Drawn> {
    const row: DrawRow = DRAWS[key];
    const missing = missingSignals(row.condition, signals);
    if (missing) throw new Unprocessable(`the model was trained without ${missing.join(' or ')}`);
    const traces = request.tracesOf(weights);
    const body = {
      ...{ checkpoint, dataset, count: pictures, condition: row.condition, ...samplingFor(row, request), weights },
      ...(traces && { traces: [...traces] }),
      ...(row.condition.startsWith('edit') && request.edits && { edits: request.edits.map(edit => ({ ...edit })) }),
      engine,
    };
    const digest = outputOf((await ctx.call('draw', body as Json)).result, 'index');
    const index = await readDrawnIndex(ctx.blobs, digest);
    if (index.items.length === 0) {
      const [first] = index.skipped;
      throw new Unprocessable(first ? first.reason : 'the dataset has no held-out pictures');
    }
    return { key, about: row.about, index, digest };
  }

  function draw(key: DrawKey): Promise<Drawn> {
    const known = drawn.get(key) ?? drawAnew(key);
    drawn.set(key, known);
    return known;
  }

  async function counterpart({ digest }: Drawn, of: ScoreRow['against']): Promise<Digest> {
    const isReal = of === 'own' || of === 'other';
    if (of === 'other_own') throw new TypeError('other_own is a pair');
    return isReal ? collect({ drawn: digest, dataset, of }) : takeFrom((await draw(of)).index.pictures, digest);
  }

  async function control({ digest }: Drawn, name: ControlName): Promise<Digest> {
    const features = name === 'nearest' ? await describeReference() : undefined;
    const body = { dataset, control: name, first: 0, count: pictures, ...(features && { features }) };
    return takeFrom(outputOf((await ctx.call('control-pictures', body)).result, 'pictures'), digest);
  }

  /** Features of the held-out pictures, and of training pictures among which the nearest are found. */
  async function describeReference(): Promise<Digest[]> {
    const pages = await openPagePictures(ctx.blobs, await readDataset(ctx.blobs, dataset));
    const heldOut = pages.itemsOf('val').slice(0, pictures);
    const wanted = pages.columnsWith(new Set(heldOut.map(({ id }) => id)));
    const columns = chooseColumns(pages, wanted, NEAREST_AMONG);
    return mapBounded(columns, { width: COLUMNS_AT_ONCE }, column => describeColumn(ctx, request.extractor, column));
  }

  function takeFrom(column: Digest, drawn: Digest): Promise<Digest> {
    return collect({ drawn, of: 'column', column });
  }

  async function collect(body: Json): Promise<Digest> {
    return outputOf((await ctx.call('counterpart-pictures', body)).result, 'pictures');
  }

  return {
    draw,
    counterpart,
    control,
    async list() {
      const settled = await Promise.allSettled(drawn.values());
      return settled.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []));
    },
  };
}

/** The settings of a draw: those of the suite, but for what its row says. */
function samplingFor({ again, guidance }: DrawRow, { sampling, highGuidance }: SuiteRequest): Sampling {
  const seeded = again ? { ...sampling, seed: nextSeed(sampling.seed) } : sampling;
  if (guidance === undefined) return seeded;
  const { steps, seed, solver, time_grid, shift } = seeded;
  return {
    ...{ steps, seed, solver, time_grid, guidance_method: 'cfg' },
    ...(shift !== undefined && { shift }),
    guidance: guidance === 'high' ? highGuidance : guidance,
  };
}

/** Of other noise. After the largest seed comes 0. */
function nextSeed(seed: Sampling['seed']): Sampling['seed'] {
  return seedSchema.parse(String(BigInt.asUintN(64, BigInt(seed) + 1n)));
}
