/**
 * @file The arrays beside a picture, as WebDatasets of the original project name them: `a.t5h.npy` is the encoded
 * caption of `a.image.npy` or `a.jpg`. A name is cut at the ending of an array and not at its first dot, so
 * `a.b.c.t5h.npy`
 * belongs to `a.b.c.jpg`.
 */
import type { SignalName } from '../../configs/signals.ts';
import type { Reject } from '../../storage/records.ts';
import type { SourceFile } from './import-source.ts';
import { ARRAY_ENDING, stemOf } from './join-names.ts';

/** By ending. `tokens` is the mask of the text, `regions` the mask of the picture. */
const ENDINGS = {
  't5h.npy': 'text',
  't5m.npy': 'tokens',
  'dinov3.npy': 'cls',
  'dinov3_patches.npy': 'patches',
  'pose.npy': 'pose',
  'mask.npy': 'regions',
} as const;
const MEMBER = /^(.+)\.(t5h\.npy|t5m\.npy|dinov3\.npy|dinov3_patches\.npy|pose\.npy|mask\.npy)$/i;
/** Of a further caption: `a.1.t5h.npy`. */
const VARIANT = /^(.+)\.([1-9]\d?)$/;

export type SamplePart = SignalName | 'tokens' | 'regions';

export interface SampleFiles {
  readonly parts: Readonly<Partial<Record<SamplePart, SourceFile>>>;
  /** The encoded further captions, in order. */
  readonly variants: readonly SourceFile[];
}

export interface GroupedFiles {
  /** Files that are no arrays of a sample. */
  readonly others: readonly SourceFile[];
  /** By name of the picture. */
  readonly samples: ReadonlyMap<string, SampleFiles>;
  readonly rejects: readonly Reject[];
}

const LOST = { reason: 'an array beside which no picture has its name', group: 'an array without a picture' };
const SHARED = { reason: 'an array of two pictures that differ in their endings', group: 'an array of two pictures' };
const INSTEAD = 'the picture as an array counts instead: the arrays beside it were made of it';

/** @param files Sorted by name, without texts. */
export function groupSamples(files: readonly SourceFile[]): GroupedFiles {
  const members = files.filter(({ name }) => MEMBER.test(name));
  const arrays = new Set(files.filter(({ name }) => ARRAY_ENDING.test(name)).map(({ name }) => stemOf(name)));
  const rejects: Reject[] = [];
  const others: SourceFile[] = [];
  for (const file of files) {
    if (MEMBER.test(file.name)) continue;
    const isBeside = !ARRAY_ENDING.test(file.name) && arrays.has(stemOf(file.name));
    if (isBeside) rejects.push({ name: file.name, reason: INSTEAD, group: INSTEAD });
    else others.push(file);
  }
  if (members.length === 0) return { others, samples: new Map(), rejects };
  const pictures = Map.groupBy(others, ({ name }) => stemOf(name));
  const samples = new Map<string, { parts: Partial<Record<SamplePart, SourceFile>>; variants: SourceFile[] }>();
  for (const file of members) {
    const [, base = '', ending = ''] = MEMBER.exec(file.name) ?? [];
    const part = ENDINGS[ending.toLowerCase() as keyof typeof ENDINGS];
    const [, variantBase = ''] = (part === 'text' && !pictures.has(base) && VARIANT.exec(base)) || [];
    const owners = pictures.get(base) ?? pictures.get(variantBase) ?? [];
    const [owner] = owners;
    if (owner === undefined) rejects.push({ name: file.name, ...LOST });
    else if (owners.length > 1) rejects.push({ name: file.name, ...SHARED });
    else {
      const sample = samples.get(owner.name) ?? { parts: {}, variants: [] };
      if (pictures.has(base)) sample.parts[part] = file;
      else sample.variants.push(file);
      samples.set(owner.name, sample);
    }
  }
  const numberOf = ({ name }: SourceFile) => Number(VARIANT.exec(MEMBER.exec(name)?.[1] ?? '')?.[2]);
  for (const { variants } of samples.values()) variants.sort((a, b) => numberOf(a) - numberOf(b));
  return { others, samples, rejects };
}
