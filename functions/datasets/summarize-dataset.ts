/**
 * @file What preparing made of the files of a source, in words and in numbers. The answers of `prepare` and `import`,
 * `GET /datasets/NAME`, the view and the command line show this summary.
 */
import { listNotices, tellNotice } from '../../configs/model-notices.ts';
import { plainLine } from '../../configs/plain-text.ts';
import { formatCount, listSome, quantity } from '../../configs/quantity.ts';
import type { BucketCount, Dataset, Note } from '../../storage/records.ts';
import { groupRejects, type RejectGroup, type RejectKind } from './rejects-by-reason.ts';

/** Most names, sizes and reasons of one line, or kind of line. */
const MAX_NAMED = 3;
const MAX_SIZES = 12;
const MAX_GROUPS = 12;

/** For programs. */
export function summarizeDataset(dataset: Dataset) {
  const { counts, buckets = [], notes = [], rejects } = dataset;
  const groups = groupRejects(rejects);
  return {
    counts,
    buckets,
    notes,
    licenses: listNotices(encoderNames(dataset)),
    rejected_by_reason: groups.map(group => ({ ...group, examples: [...group.examples] })),
    summary: describeInWords(dataset, groups).map(plainLine),
  };
}

/** A sentence for each fact, without a full stop. */
function describeInWords(dataset: Dataset, groups: readonly RejectGroup[]): string[] {
  const { counts, notes = [], buckets = [] } = dataset;
  return [
    describeSplits(counts),
    ...describeBuckets(buckets),
    ...describeCaptions(dataset),
    ...notes.filter(({ code }) => code !== 'caption_missing').map(describeNote),
    ...describeRejects(groups),
    ...(counts.hidden ? [`${quantity(counts.hidden, 'hidden file')} left out (names that begin with a dot)`] : []),
    ...(counts.removed ? [`${quantity(counts.removed, 'picture')} of earlier imports removed`] : []),
    ...listNotices(encoderNames(dataset)).map(tellNotice),
  ];
}

function encoderNames({ encoders }: Dataset): string[] {
  return Object.values(encoders).map(({ name }) => name);
}

function describeSplits({ pictures = 0, train, val = 0, test = 0 }: Dataset['counts']): string {
  const taken = `${quantity(pictures, 'picture')} taken`;
  if (train === undefined) return taken;
  return `${taken}: ${formatCount(train)} to train, ${formatCount(val)} for validation, ${formatCount(test)} for tests`;
}

function describeBuckets(buckets: readonly BucketCount[]): string[] {
  if (buckets.length === 0) return [];
  const named = buckets.map(({ width, height, pictures }) => `${formatCount(pictures)} of ${width} x ${height}`);
  return [`sizes in pixels: ${listSome(named, MAX_SIZES, buckets.length)}`];
}

function describeCaptions({ pages, counts: { pictures = 0 }, notes = [] }: Dataset): string[] {
  if (pages.length === 0 || pages.some(({ columns }) => columns.caption === undefined)) return [];
  const missing = notes.find(({ code }) => code === 'caption_missing');
  if (missing === undefined) return ['captions: every picture has one'];
  const captioned = pictures - missing.count;
  // '0 of 1 picture has one', '1 of 2 pictures has one'.
  const has = captioned === 1 || pictures === 1 ? 'has' : 'have';
  const without = `${formatCount(missing.count)} ${missing.count === 1 ? 'has' : 'have'} none`;
  const line = `captions: ${formatCount(captioned)} of ${quantity(pictures, 'picture')} ${has} one`;
  return [`${line}, ${without}: ${listExamples(missing)}`];
}

function describeNote(note: Note): string {
  return note.examples.length === 0 ? note.text : `${note.text}: ${listExamples(note, true)}`;
}

function listExamples({ examples, count }: Note, withTexts = false): string {
  const named = examples.map(({ name, text }) => (withTexts ? `${name} (${text})` : name));
  return listSome(named, MAX_NAMED, count);
}

const LEFT_OUT: Readonly<Record<RejectKind, readonly [one: string, many: string]>> = {
  picture: ['picture rejected', 'pictures rejected'],
  text: ['text not used', 'texts not used'],
  file: ['other file left out', 'other files left out'],
};

function describeRejects(groups: readonly RejectGroup[]): string[] {
  return [...Map.groupBy(groups, ({ of }) => of)].flatMap(([of, all]) => {
    const shown = all.slice(0, MAX_GROUPS).map(({ text, count, examples }) => {
      return `${quantity(count, ...LEFT_OUT[of])}: ${text}: ${listSome(examples, MAX_NAMED, count)}`;
    });
    const rest = all.slice(MAX_GROUPS).reduce((sum, { count }) => sum + count, 0);
    return rest === 0 ? shown : [...shown, `${quantity(rest, ...LEFT_OUT[of])} for other reasons`];
  });
}
