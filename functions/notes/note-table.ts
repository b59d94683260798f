/**
 * @file All notes: what a stage decides by itself, and a person should know. A note counts the pictures that it is
 * about; a dataset that everything fits has none.
 */
import { quantity } from '../../configs/quantity.ts';
import type { ColumnName } from '../../configs/signals.ts';

/** Numbers and names that the sentence has, equal for all pictures of a call. */
export type NoteFacts = Readonly<Record<string, string | number>>;

interface NoteKind {
  /** The note stays as long as this column is as it was. Without a column, the note is about the source. */
  readonly column?: ColumnName;
  /** A sentence without a full stop. */
  say(count: number, facts: NoteFacts): string;
}

const pictures = (count: number) => quantity(count, 'picture');
const are = (count: number) => (count === 1 ? 'is' : 'are');
const have = (count: number) => (count === 1 ? 'has' : 'have');

function sayCut(text: string, count: number, { encoder = '', most, unit }: NoteFacts): string {
  const longer = `${quantity(count, text)} ${are(count)} longer than the ${quantity(Number(most), String(unit))}`;
  return `${longer} that the encoder ${encoder} reads; the rest is left out`;
}

function sayUnread(text: string, count: number, { encoder = '', unit = '' }: NoteFacts): string {
  return `${quantity(count, text)} ${have(count)} no ${unit} that the encoder ${encoder} reads`;
}

const NOTES = {
  near_duplicate: {
    column: 'inspect',
    say: count =>
      `${pictures(count)} nearly ${count === 1 ? 'equals' : 'equal'} an earlier one; ${count === 1 ? 'it is' : 'all are'} kept`,
  },
  first_frame: {
    column: 'inspect',
    say: count => `${pictures(count)} ${are(count)} the first of several frames or pages`,
  },
  cmyk: { column: 'inspect', say: count => `${pictures(count)} ${are(count)} converted from CMYK` },
  sixteen_bit: {
    column: 'inspect',
    say: count => `${pictures(count)} ${are(count)} converted from 16 bits per channel to 8`,
  },
  transparency: {
    column: 'inspect',
    say: count => `${pictures(count)} ${have(count)} an alpha channel; what is transparent is laid over white`,
  },
  turned: {
    column: 'inspect',
    say: count => `${pictures(count)} ${are(count)} turned as EXIF orientation says`,
  },
  enlarged: {
    column: 'image',
    say: (count, { percent }) => `${pictures(count)} ${are(count)} enlarged by more than ${percent} %`,
  },
  cropped: {
    column: 'image',
    say: (count, { percent }) =>
      `${pictures(count)} ${count === 1 ? 'loses' : 'lose'} more than ${percent} % of ${count === 1 ? 'its' : 'their'} area by the crop`,
  },
  joints_lost: {
    column: 'image',
    say: count => `${pictures(count)} ${count === 1 ? 'loses' : 'lose'} joints of a person by the crop`,
  },
  patches_mended: {
    say: count =>
      `${pictures(count)} ${have(count)} patches of the original project, which begin with registers: these are left out, and the last patches copied from those above`,
  },
  caption_decoded: {
    say: (count, { encoding }) => `${quantity(count, 'caption')} ${are(count)} decoded from ${encoding}`,
  },
  caption_conflict: {
    say: count =>
      `${pictures(count)} ${have(count)} several captions that differ; the first in the order of files counts`,
  },
  caption_missing: {
    column: 'caption',
    say: count => `${pictures(count)} ${have(count)} no caption, and ${are(count)} trained without text`,
  },
  caption_written: {
    column: 'caption',
    say: (count, { source = '', model = '', digest }) =>
      `${quantity(count, 'caption')} ${are(count)} written by ${model} of ${source}${digest === undefined ? '' : ` (${digest})`}`,
  },
  caption_refused: {
    column: 'caption',
    say: (count, { model = '' }) =>
      `${pictures(count)} ${have(count)} fewer captions than asked for: the answers of ${model} were refused`,
  },
  caption_cut: { column: 'text', say: (count, facts) => sayCut('caption', count, facts) },
  caption_unread: { column: 'text', say: (count, facts) => sayUnread('caption', count, facts) },
  pose_missing: {
    column: 'pose',
    say: count => `${pictures(count)} ${have(count)} no person that is found, and ${are(count)} trained without pose`,
  },
  pose_several: {
    column: 'pose',
    say: count =>
      `${pictures(count)} ${have(count)} several persons; ${count === 1 ? 'its pose is' : 'their poses are'} that of the largest`,
  },
  prompt_cut: { say: (count, facts) => sayCut('prompt', count, facts) },
  prompt_unread: { say: (count, facts) => sayUnread('prompt', count, facts) },
  preview_cut: { say: (count, facts) => sayCut('preview prompt', count, facts) },
  preview_unread: { say: (count, facts) => sayUnread('preview prompt', count, facts) },
} as const satisfies Readonly<Record<string, NoteKind>>;

export type NoteCode = keyof typeof NOTES;
export const NOTE_CODES = Object.keys(NOTES) as [NoteCode, ...NoteCode[]];

/** A row with all keys of its type. */
export function noteKind(code: NoteCode): NoteKind {
  return NOTES[code];
}
