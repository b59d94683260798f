/** @file Notes on texts of which an encoder leaves something out: captions of a page, and prompts. */
import { type Conditions, memberName, signalsOf } from '../../configs/signals.ts';
import type { NoteCode } from '../notes/note-table.ts';
import type { Noted, NotedItem } from '../notes/notes.ts';
import type { AnyEncoder } from './encoder.ts';
import { ENCODERS, findEncoder } from './encoders.ts';

interface NamedText {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

interface TextNotes {
  readonly cut: NoteCode;
  readonly unread: NoteCode;
}

export interface NoteCaptionsTask {
  readonly encoder: string;
  readonly items: readonly { readonly id: string; readonly name: string }[];
  /** Members of the column `caption`. */
  readonly members: ReadonlyMap<string, Uint8Array>;
}

/** Notes on the captions of a page. */
export function noteCaptions({ encoder, items, members }: NoteCaptionsTask): Noted[] {
  const texts = items.map(({ id, name }) => ({
    id,
    name,
    text: Buffer.from(members.get(memberName('caption', id)) ?? '').toString('utf8'),
  }));
  return noteTexts(findEncoder(encoder), texts, { cut: 'caption_cut', unread: 'caption_unread' });
}

/** Notes on the prompts of samples, or of the previews of a run, by the encoders of the model. */
export function notePrompts(
  conditions: Conditions,
  { prompts, negative }: { readonly prompts: readonly string[]; readonly negative?: string | undefined },
  codes: TextNotes = { cut: 'prompt_cut', unread: 'prompt_unread' },
): Noted[] {
  const names = new Set<string>();
  for (const signal of signalsOf(conditions)) {
    const condition = conditions[signal];
    if (condition && 'encoder' in condition) names.add(condition.encoder);
  }
  const named = prompts.map((text, i) => ({ name: prompts.length === 1 ? 'prompt' : `prompt ${i + 1}`, text }));
  if (negative !== undefined) named.push({ name: 'negative_prompt', text: negative });
  const texts = named.map(({ name, text }) => ({ id: name, name, text }));
  return ENCODERS.filter(({ name, reads }) => reads === 'caption' && names.has(name)).flatMap(encoder =>
    noteTexts(encoder, texts, codes),
  );
}

function noteTexts({ name: encoder, limit }: AnyEncoder, texts: readonly NamedText[], codes: TextNotes): Noted[] {
  if (limit === undefined) return [];
  const { most, unit } = limit;
  const cut: NotedItem[] = [];
  const unread: NotedItem[] = [];
  for (const { id, name, text } of texts) {
    const count = limit.count(text);
    if (count > most) cut.push({ id, name, amount: count, text: `${count} ${unit}s, ${most} used` });
    else if (count === 0 && text.trim() !== '') unread.push({ id, name, amount: 0, text: `no ${unit} in it` });
  }
  return [
    { code: codes.cut, facts: { encoder, most, unit }, items: cut },
    { code: codes.unread, facts: { encoder, unit }, items: unread },
  ].filter(({ items }) => items.length > 0);
}
