/** @file Measures of all pictures for a report, with the pictures at both ends of each. */
import { readItems } from '../../storage/blobs/items.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { type CurationRecord, parseCuration } from '../curation/curation-record.ts';
import { type Distribution, describeSpread } from '../curation/distribution.ts';
import { MEASURE_NAMES, measureRow, sayMeasure } from '../curation/measures.ts';
import { isByRule } from '../curation/rules.ts';
import { type Recorded, readRecords } from '../datasets/read-records.ts';
import { readThumbnail } from './report-pictures.ts';

/** Pictures shown of each end of a measure. */
const ENDS = 4;
/** Pictures read at once. */
const WIDTH = 8;
const MAX_LEFT_OUT = 48;

export interface ExtremePicture {
  readonly name: string;
  readonly value: string;
  /** Absent without the column `image`. */
  readonly webp?: Uint8Array;
}

export interface MeasuredSpread {
  readonly name: string;
  readonly about: string;
  readonly spread: Distribution;
  readonly say: (value: number) => string;
  readonly least: readonly ExtremePicture[];
  readonly most: readonly ExtremePicture[];
}

export interface ReportCuration {
  /** Some of the pictures that rules leave out, each with its reason. */
  readonly leftOut: readonly ExtremePicture[];
  readonly measures: readonly MeasuredSpread[];
  /** Captions by language, commonest first. */
  readonly languages: readonly (readonly [code: string, count: number])[];
}

type Measured = Recorded<CurationRecord>;

/** Undefined without measures. */
export async function pickCuration(
  blobs: BlobStore,
  dataset: Dataset,
  signal: AbortSignal,
): Promise<ReportCuration | undefined> {
  const pictures = await readRecords(blobs, dataset, 'curate', parseCuration, signal);
  if (pictures === undefined) return undefined;
  const labels = [...new Set(pictures.flatMap(({ record }) => Object.keys(record.scores ?? {})))].sort();
  const kinds = [
    ...MEASURE_NAMES.map(name => ({
      name: name as string,
      about: measureRow(name).about as string,
      say: (value: number) => sayMeasure(name, value),
      numberOf: ({ record }: Measured) => record.measures[name],
    })),
    ...labels.map(label => ({
      name: `scores.${label}`,
      about: 'the score of a classifier',
      say: (value: number) => String(Number(value.toPrecision(3))),
      numberOf: ({ record }: Measured) => record.scores?.[label],
    })),
  ];
  const measures: MeasuredSpread[] = [];
  for (const { numberOf, ...kind } of kinds) {
    const valued = pictures.flatMap(picture => {
      const value = numberOf(picture);
      return value === undefined ? [] : [{ picture, value }];
    });
    const spread = describeSpread(valued.map(({ value }) => value));
    // Where all are equal there is nothing to choose by.
    if (spread === undefined || spread.min === spread.max) continue;
    const sorted = valued.toSorted((a, b) => a.value - b.value);
    const show = (some: typeof valued) =>
      mapBounded(some, { width: WIDTH, signal }, async ({ picture: { item, page }, value }) => {
        const webp = await readThumbnail(blobs, page, item.id);
        return { name: item.name, value: kind.say(value), ...(webp && { webp }) };
      });
    const ends = Math.min(ENDS, Math.floor(sorted.length / 2));
    measures.push({
      ...kind,
      spread,
      least: await show(sorted.slice(0, ends)),
      most: await show(sorted.slice(sorted.length - ends).reverse()),
    });
  }
  return { leftOut: await showLeftOut(blobs, dataset, signal), measures, languages: countLanguages(pictures) };
}

/** In the order of the dataset. What a person has dropped is not shown. */
async function showLeftOut(
  blobs: BlobStore,
  { pages, removed, rejects }: Dataset,
  signal: AbortSignal,
): Promise<ExtremePicture[]> {
  const gone = new Set(removed);
  const reasons = new Map(rejects.flatMap(({ id = '', reason }) => (isByRule(reason) ? [[id, reason] as const] : [])));
  const shown: ExtremePicture[] = [];
  for (const page of pages) {
    for (const { id, name } of reasons.size > 0 ? await readItems(blobs, page) : []) {
      const value = gone.has(id) ? reasons.get(id) : undefined;
      if (value === undefined) continue;
      signal.throwIfAborted();
      const webp = await readThumbnail(blobs, page, id);
      shown.push({ name, value, ...(webp && { webp }) });
      if (shown.length === MAX_LEFT_OUT) return shown;
    }
  }
  return shown;
}

function countLanguages(pictures: readonly Measured[]): [code: string, count: number][] {
  const groups = Map.groupBy(
    pictures.flatMap(({ record }) => record.language?.code ?? []),
    code => code,
  );
  return [...groups].map(([code, all]): [string, number] => [code, all.length]).sort((a, b) => b[1] - a[1]);
}
