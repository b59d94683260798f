/**
 * @file The signals that a source brings with its pictures: those of a shard, or the precomputed arrays of the original
 * project. They are kept as members of archives until `take-signals` makes columns of them.
 */
import { createHash } from 'node:crypto';
import { listSome, quantity } from '../../configs/quantity.ts';
import { SIGNAL_NAMES, type SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { verifyBlob } from '../../storage/blobs/verify-blob.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset, GivenSignal, Item, Reject } from '../../storage/records.ts';
import { MAX_ARCHIVE_BYTES } from '../datasets/originals.ts';
import type { EffectContext } from '../define.ts';
import type { Noted } from '../notes/notes.ts';
import { readArraySize } from '../pictures/array-picture.ts';
import { requireFormat } from '../pictures/unfit-picture.ts';
import { type ArchiveWriter, openArchiveWriter, type WrittenMember } from './archive-writer.ts';
import type { Candidate, FoundPicture, PictureSink } from './import-pictures.ts';
import { namesPicture } from './names-picture.ts';
import { REGISTERS, readHead, tellRegisters } from './patch-registers.ts';
import { tryRead, Unreadable } from './read-failure.ts';
import type { ReadSignals, ReadSignalsTask } from './read-signals.ts';
import type { SampleFiles, SamplePart } from './sample-files.ts';
import type { SampleRecord } from './sample-record.ts';

export interface GivenOptions {
  /** What to do with pictures that lack a signal which others have. */
  readonly missingSignals: 'error' | 'ignore' | 'reject';
  /** Rows at the start of patches that are registers; absent: told by the numbers. */
  readonly registerRows?: 0 | 4 | undefined;
  /** The last import's, of the pictures that are known. */
  readonly givenBefore?: Dataset['given'];
}

type Entry = NonNullable<NonNullable<Dataset['given']>[SignalName]>;
type Slices = NonNullable<Item['signals']>;
type OpenSlice = Omit<GivenSignal, 'archive'> & { readonly archive: Promise<Digest> | Digest };

/** Names of the encoders that the original project ran. */
const ORIGINAL: Readonly<Record<SignalName, string>> = {
  text: 't5-large',
  cls: 'dinov3-vitl16',
  patches: 'dinov3-vitl16',
  pose: 'dwpose',
};
/** The cells of the original's patches; checked when the size of the pictures is known. */
const USUAL_STRIDE = 16;
/** Files whose first rows tell whether they begin with registers. */
const LOOKED_AT = 16;
const MAX_NAMED = 5;
/** Pictures whose signals share an archive. */
const BATCH = 64;

export interface GivenSignals {
  readonly sink: Pick<PictureSink, 'samples' | 'signals'>;
  /** What every picture has. */
  close(pictures: readonly FoundPicture[]): Promise<{
    readonly slices: ReadonlyMap<string, Slices>;
    readonly encoders?: Dataset['given'];
    readonly rejects: readonly Reject[];
    readonly noted: readonly Noted[];
  }>;
}

/** @param before Items of the last import, by id. */
export function openGivenSignals(
  ctx: EffectContext,
  before: ReadonlyMap<string, Item>,
  { missingSignals, registerRows, givenBefore }: GivenOptions,
): GivenSignals {
  const writer = openArchiveWriter(ctx.blobs, MAX_ARCHIVE_BYTES);
  const slices = new Map<string, Partial<Record<SignalName, OpenSlice>>>();
  const entries: Partial<Record<SignalName, Entry>> = {};
  const lacking = new Map<string, readonly SignalName[]>();
  const mended: { readonly id: string; readonly name: string; readonly amount: number; readonly text: string }[] = [];
  let taken: readonly SignalName[] = [];
  let registers = 0;
  let written = 0;

  /** The entry of an encoder, equal for all pictures. @returns What differs. */
  function agree(signal: SignalName, entry: Entry): string | undefined {
    entries[signal] ??= entry;
    const form = ({ name, dim, tokens, stride }: Entry) => JSON.stringify({ name, dim, tokens, stride });
    const first = entries[signal];
    return form(first) === form(entry)
      ? undefined
      : `its ${signal} is of ${form(entry)}, that of others of ${form(first)}`;
  }

  async function readParts(sample: SampleFiles) {
    const parts: SamplePart[] = [...taken, ...(taken.includes('text') ? ['tokens' as const] : [])];
    const bytes: Partial<Record<SamplePart, Uint8Array>> = {};
    for (const part of parts) {
      const file = sample.parts[part];
      const read = file && (await tryRead(file));
      if (read instanceof Unreadable) return `its ${part} is ${read.reason}`;
      if (read) bytes[part] = read;
    }
    const variants: Uint8Array[] = [];
    for (const file of taken.includes('text') ? sample.variants : []) {
      const read = await tryRead(file);
      if (read instanceof Unreadable) return `a further text of it is ${read.reason}`;
      variants.push(read);
    }
    return { bytes, variants };
  }

  async function take(found: Candidate, sample: SampleFiles, record: SampleRecord, picture: Uint8Array) {
    const read = await readParts(sample);
    if (typeof read === 'string') return read;
    const { bytes, variants } = read;
    const { tokens, own } = record;
    if (tokens === 'gaps' && bytes.tokens === undefined && bytes.text) {
      return 'the mask of its text is not ones and then zeros';
    }
    const mask = bytes.tokens ?? (typeof tokens === 'object' ? tokens : undefined);
    const rowsBefore = own ? 0 : registers;
    const ofSignal = (signal: SignalName) => {
      const hash = createHash('sha256').update(`${rowsBefore} ${JSON.stringify(tokens ?? 0)} `);
      for (const part of signal === 'text' ? (['text', 'tokens'] as const) : [signal]) hash.update(bytes[part] ?? '');
      if (signal === 'text') for (const each of variants) hash.update(each);
      return hash.digest('hex').slice(0, 16);
    };
    const former = before.get(found.id)?.signals ?? {};
    const isKnown = (signal: SignalName) => {
      return former[signal]?.of === ofSignal(signal) && givenBefore?.[signal] !== undefined;
    };
    const known = taken.filter(isKnown);
    const fresh = taken.filter(signal => !known.includes(signal) && bytes[signal] !== undefined);
    const task: ReadSignalsTask = {
      ...Object.fromEntries(fresh.map(signal => [signal, bytes[signal]])),
      ...(fresh.includes('text') && { variants, ...(mask && { mask }) }),
      ...sizeOf(record, picture),
      registers: rowsBefore,
    };
    const made = await ctx.task<ReadSignals | { problem: string }>('read-signals', task);
    if ('problem' in made) return made.problem;
    const slice: Partial<Record<SignalName, OpenSlice>> = {};
    for (const signal of known) {
      const problem = agree(signal, givenBefore?.[signal] as Entry);
      if (problem) return problem;
      slice[signal] = former[signal] as GivenSignal;
    }
    for (const signal of fresh) {
      const { members, ...dims } = made[signal] as { members: readonly Uint8Array[]; dim?: number };
      const stated = own?.encoders[signal] as Entry | undefined;
      const usual = signal === 'patches' ? { stride: USUAL_STRIDE } : {};
      const problem = agree(signal, { ...usual, ...dims, ...stated, name: stated?.name ?? ORIGINAL[signal] } as Entry);
      if (problem) return problem;
    }
    for (const signal of fresh) {
      const [first, ...others] = await writeAll(writer, found.id, signal, made[signal]?.members ?? []);
      if (first === undefined) continue;
      const more = others.map(({ offset, size }) => ({ offset, size }));
      slice[signal] = { ...first, ...(more.length > 0 && { more }), of: ofSignal(signal) };
    }
    slices.set(found.id, slice);
    if (taken.includes('patches') && rowsBefore > 0) {
      mended.push({ id: found.id, name: found.name, amount: 0, text: `${rowsBefore} registers` });
    }
    if (fresh.length > 0 && ++written % BATCH === 0) await writer.cut();
    return undefined;
  }

  return {
    sink: {
      async samples(samples, recordOf, names) {
        if (samples.size === 0) return;
        const pictures = names.filter(namesPicture);
        const have = (signal: SignalName, name: string) => samples.get(name)?.parts[signal] !== undefined;
        taken = SIGNAL_NAMES.filter(signal => pictures.some(name => have(signal, name)));
        for (const signal of taken) {
          const without = pictures.filter(name => !have(signal, name));
          if (without.length === 0) continue;
          if (missingSignals === 'error') throw incomplete(signal, without, pictures.length);
          if (missingSignals === 'ignore') taken = taken.filter(other => other !== signal);
          else for (const name of without) lacking.set(name, [...(lacking.get(name) ?? []), signal]);
        }
        const foreign = pictures.filter(name => have('patches', name) && recordOf(name).own === undefined);
        if (!taken.includes('patches') || foreign.length === 0) return;
        registers = registerRows ?? (await findRegisters(foreign, samples));
      },
      async signals(found, sample, record, bytes) {
        const reason = lacking.has(found.name)
          ? `it has no ${lacking.get(found.name)?.join(' and no ')}, which the others have`
          : await take(found, sample, record, bytes);
        return reason === undefined ? undefined : { name: found.name, id: found.id, reason };
      },
    },
    async close(pictures) {
      await writer.cut();
      const whole = taken.filter(signal => pictures.every(({ id }) => slices.get(id)?.[signal] !== undefined));
      await moveFromErased(ctx, writer, before, pictures, slices);
      await writer.cut();
      const settled = new Map<string, Slices>();
      for (const { id } of pictures) {
        const own: Slices = {};
        for (const signal of whole) {
          const found = slices.get(id)?.[signal];
          if (found === undefined) continue;
          const { archive, ...slice } = found;
          own[signal] = { archive: await archive, ...slice };
        }
        if (whole.length > 0) settled.set(id, own);
      }
      const encoders = Object.fromEntries(whole.map(signal => [signal, entries[signal]])) as Dataset['given'];
      return {
        slices: settled,
        ...(whole.length > 0 && { encoders }),
        rejects: [],
        noted: mended.length > 0 ? [{ code: 'patches_mended', items: mended }] : [],
      };
    },
  };
}

/** The size of the picture that the signals were made of, if it is known. */
function sizeOf({ attributes }: SampleRecord, picture: Uint8Array): Pick<ReadSignalsTask, 'size'> {
  if (requireFormat(picture) === 'npy') return { size: readArraySize(picture) };
  const bucket = attributes?.aspect_bucket;
  const [, width, height] = (typeof bucket === 'string' && /^(\d{1,5})x(\d{1,5})$/.exec(bucket)) || [];
  return width === undefined ? {} : { size: { width: Number(width), height: Number(height) } };
}

async function writeAll(writer: ArchiveWriter, id: string, signal: SignalName, members: readonly Uint8Array[]) {
  const written: WrittenMember[] = [];
  // Members of one signal lie in one archive.
  await writer.reserve(members.reduce((sum, { length }) => sum + length, 0));
  for (const [i, bytes] of members.entries()) written.push(await writer.add(`${id}.${i}.${signal}.npy`, bytes));
  return written;
}

/** Signals that lie beside those of pictures that are gone are written again, so that `gc` can erase the others. */
async function moveFromErased(
  ctx: EffectContext,
  writer: ArchiveWriter,
  before: ReadonlyMap<string, Item>,
  pictures: readonly FoundPicture[],
  slices: Map<string, Partial<Record<SignalName, OpenSlice>>>,
): Promise<void> {
  const present = new Set(pictures.map(({ id }) => id));
  const tainted = new Set<unknown>();
  for (const { id, signals = {} } of before.values()) {
    if (!present.has(id)) for (const { archive } of Object.values(signals)) tainted.add(archive);
  }
  if (tainted.size === 0) return;
  for (const id of present) {
    for (const [signal, slice] of Object.entries(slices.get(id) ?? {}) as [SignalName, OpenSlice][]) {
      const { archive, offset, size, more = [], of } = slice;
      if (typeof archive !== 'string' || !tainted.has(archive)) continue;
      await verifyBlob(ctx, archive);
      const spans = [{ offset, size }, ...more];
      const members: Uint8Array[] = [];
      for (const span of spans) {
        members.push(await ctx.blobs.getRange(archive, { start: span.offset, end: span.offset + span.size - 1 }));
      }
      const [first, ...others] = await writeAll(writer, id, signal, members);
      if (first === undefined) continue;
      const rest = others.map(each => ({ offset: each.offset, size: each.size }));
      slices.set(id, { ...slices.get(id), [signal]: { ...first, ...(rest.length > 0 && { more: rest }), of } });
    }
  }
}

async function findRegisters(names: readonly string[], samples: ReadonlyMap<string, SampleFiles>): Promise<number> {
  const step = Math.max(1, Math.floor(names.length / LOOKED_AT));
  const chosen = names.filter((_, i) => i % step === 0).slice(0, LOOKED_AT);
  const heads: Float32Array[] = [];
  let width: number | undefined;
  for (const name of chosen) {
    const file = samples.get(name)?.parts.patches;
    const head = file && (await readHead(file));
    if (head === undefined || (width ?? head.dim) !== head.dim) continue;
    width = head.dim;
    heads.push(head.rows);
  }
  // Grids, and files that are no arrays, have no registers; reading them says what is wrong.
  if (width === undefined) return 0;
  const found = tellRegisters(heads, width);
  if (found !== undefined) return found;
  throw new Unprocessable('the patches do not say whether they begin with registers', {
    expected: `"register_rows": ${REGISTERS} for files of the original project, whose script takes the wrong tokens for registers, or 0`,
    hint:
      `with ${REGISTERS}, the first ${REGISTERS} rows are left out and the lost last ${REGISTERS} patches copied from those ` +
      'above them; or let the pictures be encoded again: move the files dinov3_patches away',
  });
}

function incomplete(signal: SignalName, without: readonly string[], total: number): Unprocessable {
  return new Unprocessable(
    `${without.length} of ${quantity(total, 'picture')} have no ${signal}, which the others have: ` +
      listSome(without.slice(0, MAX_NAMED), MAX_NAMED, without.length),
    {
      expected: `the ${signal} of every picture, or of none`,
      hint:
        'add the missing files; or set missing_signals to "reject", which leaves these pictures out, or to "ignore", ' +
        `which takes no ${signal}`,
      details: { pictures: without.slice(0, 100) },
    },
  );
}
