/** @file What each picture of a range is drawn from under a condition. */
import { type CaptionEdit, editCaption } from '../../configs/caption-edits.ts';
import { BORROWED, type ConditionName, missingSignals } from '../../configs/drawn-conditions.ts';
import type { SignalName } from '../../configs/signals.ts';
import type { EncodedArray } from '../encoders/encoder.ts';
import type { DrawnItem } from '../experiments/drawn-index.ts';
import type { SplitItem } from '../experiments/held-out-items.ts';
import { CONDITIONS } from './conditions.ts';
import { editsFor, type KnownEdit } from './edit-pictures.ts';

export interface Drawing {
  readonly item: DrawnItem;
  /** The text of an edited caption is not among them. */
  readonly signals: ReadonlyMap<SignalName, EncodedArray>;
}

export interface DrawingPlan {
  readonly drawings: readonly Drawing[];
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/** @param edits Absent: those of the set, or of the seed. */
export function planDrawings(
  condition: ConditionName,
  items: readonly SplitItem[],
  edits?: readonly CaptionEdit[],
): DrawingPlan {
  const drawings: Drawing[] = [];
  const skipped: { id: string; reason: string }[] = [];
  for (const item of items) {
    const planned = planOne(condition, item, items, edits);
    if (typeof planned === 'string') skipped.push({ id: item.id, reason: planned });
    else drawings.push(planned);
  }
  return { drawings, skipped };
}

/** A text says why the condition says nothing about the picture. */
function planOne(
  condition: ConditionName,
  item: SplitItem,
  items: readonly SplitItem[],
  edits: readonly CaptionEdit[] | undefined,
): Drawing | string {
  const { own, edited } = CONDITIONS[condition];
  const borrowed = BORROWED[condition] ?? [];
  const { id, name, picture, ordinal, signals, caption } = item;
  const described = { id, name, width: picture.width, height: picture.height, noise: ordinal };
  const isBlank = caption !== undefined && caption.trim() === '' && signals.has('text');
  const missing = missingSignals(
    condition,
    [...signals.keys()].filter(signal => signal !== 'text' || !isBlank),
  );
  if (missing)
    return isBlank && missing.includes('text') ? 'its caption is empty' : `it has no ${missing.join(' or ')}`;
  const given = new Map([...signals].filter(([signal]) => own.includes(signal)));
  if (edited) {
    const found = editCaption<KnownEdit>(caption ?? '', edits ?? editsFor(item));
    if (found === undefined) return 'its caption has the words of no edit';
    given.delete('text');
    return { item: { ...described, caption: found.caption, edit: found.edit }, signals: given };
  }
  if (borrowed.length === 0) return { item: { ...described, caption: caption ?? '' }, signals: given };
  const other = nextAlike(item, items, borrowed);
  if (other === undefined)
    return `no other picture of its size has a ${condition === 'swap' ? 'look' : borrowed.join()}`;
  for (const signal of borrowed) {
    const array = other.signals.get(signal);
    if (array) given.set(signal, array);
  }
  return { item: { ...described, caption: caption ?? '', other: other.id }, signals: given };
}

/** The next picture of the same size that has one of the signals; after the last one, the first. */
function nextAlike(
  item: SplitItem,
  items: readonly SplitItem[],
  signals: readonly SignalName[],
): SplitItem | undefined {
  const at = items.indexOf(item);
  const others = [...items.slice(at + 1), ...items.slice(0, at)];
  return others.find(
    ({ picture, signals: has }) =>
      picture.width === item.picture.width &&
      picture.height === item.picture.height &&
      signals.some(signal => has.has(signal)),
  );
}
