/** @file Notes on texts of which an encoder leaves something out: captions of a page, and prompts. */
import { type Conditions, memberName, signalsOf } from '../../configs/signals.ts';
import { BlobMissing } from '../../errors.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { NoteCode } from '../notes/note-table.ts';
import type { Noted, NotedItem } from '../notes/notes.ts';
import type { AnyEncoder, Weights } from './encoder.ts';
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

/** The file with which an encoder counts, and its digest. */
export interface CounterFile {
  readonly digest: string;
  readonly file: Uint8Array;
}

export interface NoteCaptionsTask {
  readonly encoder: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly items: readonly { readonly id: string; readonly name: string }[];
  /** Members of the column `caption`. */
  readonly members: ReadonlyMap<string, Uint8Array>;
  readonly counter?: CounterFile | undefined;
}

/** Notes on the captions of a page. */
export function noteCaptions({ encoder, options, items, members, counter }: NoteCaptionsTask): Noted[] {
  const texts = items.map(({ id, name }) => ({
    id,
    name,
    text: Buffer.from(members.get(memberName('caption', id)) ?? '').toString('utf8'),
  }));
  const codes = { cut: 'caption_cut', unread: 'caption_unread' } as const;
  const row = findEncoder(encoder);
  return noteTexts(row, options, texts, codes, openCounter(row, counter));
}

/**
 * Notes on the prompts of samples, or of the previews of a run, by the encoders of the model. An encoder whose file is
 * not stored any more says nothing.
 */
export async function notePrompts(
  blobs: Pick<BlobStore, 'get'>,
  conditions: Conditions,
  { prompts, negative }: { readonly prompts: readonly string[]; readonly negative?: string | undefined },
  codes: TextNotes = { cut: 'prompt_cut', unread: 'prompt_unread' },
): Promise<Noted[]> {
  const named = prompts.map((text, i) => ({ name: prompts.length === 1 ? 'prompt' : `prompt ${i + 1}`, text }));
  if (negative !== undefined) named.push({ name: 'negative_prompt', text: negative });
  const texts = named.map(({ name, text }) => ({ id: name, name, text }));
  const noted: Noted[] = [];
  for (const { encoder, weights } of textEncodersOf(conditions)) {
    const count = await findCounter(blobs, encoder, weights);
    if (count) noted.push(...noteTexts(encoder, optionsFor(encoder, conditions), texts, codes, count));
  }
  return noted;
}

/** The file with which an encoder counts; undefined if it needs none. */
export async function readCounterFile(
  blobs: Pick<BlobStore, 'get'>,
  encoder: AnyEncoder,
  weights: Weights | undefined,
): Promise<CounterFile | undefined> {
  const digest = counterDigest(encoder, weights);
  return digest && { digest, file: await blobs.get(digest) };
}

function counterDigest({ limit }: AnyEncoder, weights: Weights | undefined): Digest | undefined {
  const digest = limit?.part === undefined ? undefined : weights?.[limit.part]?.[0];
  return digest !== undefined && isDigest(digest) ? digest : undefined;
}

/** Each text encoder of a model once, in the order of the table. */
function textEncodersOf(conditions: Conditions) {
  const found = new Map<string, Weights | undefined>();
  for (const signal of signalsOf(conditions)) {
    const condition = conditions[signal];
    if (condition && 'encoder' in condition && condition.encoder !== undefined) {
      found.set(condition.encoder, condition.weights);
    }
  }
  return ENCODERS.filter(({ name, reads }) => reads === 'caption' && found.has(name)).map(encoder => ({
    encoder,
    weights: found.get(encoder.name),
  }));
}

function optionsFor(encoder: AnyEncoder, conditions: Conditions): Readonly<Record<string, unknown>> {
  return encoder.options.parse(encoder.optionsOf(conditions)) as Readonly<Record<string, unknown>>;
}

type Count = (text: string) => number;

/** Counters of the last files, by digest: it takes longer to read a tokenizer than to count the tokens of a page. */
const counters = new Map<string, Count>();
const MAX_COUNTERS = 4;

/** Undefined if the encoder reads whole texts, or needs a file that is not stored any more. */
async function findCounter(
  blobs: Pick<BlobStore, 'get'>,
  encoder: AnyEncoder,
  weights: Weights | undefined,
): Promise<Count | undefined> {
  const known = counters.get(counterDigest(encoder, weights) ?? '');
  if (known) return known;
  try {
    return openCounter(encoder, await readCounterFile(blobs, encoder, weights));
  } catch (error) {
    if (error instanceof BlobMissing) return undefined;
    throw error;
  }
}

function openCounter({ limit }: AnyEncoder, counter: CounterFile | undefined): Count | undefined {
  if (limit === undefined || (limit.part !== undefined && counter === undefined)) return undefined;
  if (counter === undefined) return limit.open(new Uint8Array());
  const known = counters.get(counter.digest);
  if (known) return known;
  const [oldest] = counters.keys();
  if (oldest !== undefined && counters.size >= MAX_COUNTERS) counters.delete(oldest);
  const count = limit.open(counter.file);
  counters.set(counter.digest, count);
  return count;
}

function noteTexts(
  { name: encoder, limit }: AnyEncoder,
  options: Readonly<Record<string, unknown>>,
  texts: readonly NamedText[],
  codes: TextNotes,
  countUnits: Count | undefined,
): Noted[] {
  if (limit === undefined || countUnits === undefined) return [];
  const { unit } = limit;
  const most = limit.most(options);
  const cut: NotedItem[] = [];
  const unread: NotedItem[] = [];
  for (const { id, name, text } of texts) {
    const count = countUnits(text);
    if (count > most) cut.push({ id, name, amount: count, text: `${count} ${unit}s, ${most} used` });
    else if (count === 0 && text.trim() !== '') unread.push({ id, name, amount: 0, text: `no ${unit} in it` });
  }
  return [
    { code: codes.cut, facts: { encoder, most, unit }, items: cut },
    { code: codes.unread, facts: { encoder, unit }, items: unread },
  ].filter(({ items }) => items.length > 0);
}
