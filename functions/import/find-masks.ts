/**
 * @file Masks beside pictures: `a-masklabel.png` (as OneTrainer has them) or `a.mask.png` belongs to the picture
 * `a.png`. White counts in the loss, black does not.
 */
import type { Reject } from '../../storage/records.ts';
import { decodeRgb, probeImage } from '../pictures/image.ts';
import { NO_LIMITS } from '../pictures/limits.ts';
import { UnfitPicture } from '../pictures/unfit-picture.ts';
import type { SourceFile } from './import-source.ts';
import type { JoinNames } from './join-names.ts';
import { tryRead, Unreadable } from './read-failure.ts';

const LABEL = /-masklabel\.png$/i;
const ENDING = /(-masklabel|\.mask)\.png$/i;

export interface NamedMask {
  readonly file: SourceFile;
  /** Names of the pictures to which it belongs. */
  readonly pictures: readonly string[];
}

export interface SplitFiles {
  readonly masks: readonly NamedMask[];
  readonly others: readonly SourceFile[];
  /** Masks of no picture. */
  readonly rejects: readonly Reject[];
}

/** Finds masks by their names. A file `a.mask.png` without a picture is a picture itself. */
export function splitMasks(
  files: readonly SourceFile[],
  openJoiner: (names: readonly string[]) => JoinNames,
): SplitFiles {
  const named = files.filter(({ name }) => ENDING.test(name));
  if (named.length === 0) return { masks: [], others: files, rejects: [] };
  const baseOf = (name: string) => name.replace(ENDING, '');
  const pictures = files.filter(({ name }) => !ENDING.test(name)).map(({ name }) => name);
  const joins = openJoiner(pictures)([...new Set(named.map(({ name }) => baseOf(name)))]);
  const masks: NamedMask[] = [];
  const rejects: Reject[] = [];
  const others: SourceFile[] = files.filter(({ name }) => !ENDING.test(name));
  const taken = new Set<string>();
  for (const file of named) {
    const owners = joins.get(baseOf(file.name))?.owners;
    const free = owners?.filter(owner => !taken.has(owner)) ?? [];
    if (free.length > 0) {
      masks.push({ file, pictures: free });
      for (const owner of free) taken.add(owner);
    } else if (owners) rejects.push({ name: file.name, ...SECOND });
    else if (LABEL.test(file.name)) rejects.push({ name: file.name, ...LOST });
    else others.push(file);
  }
  return { masks, others: others.toSorted((a, b) => (a.name < b.name ? -1 : 1)), rejects };
}

const SECOND = { reason: 'a second mask of a picture', group: 'a second mask of a picture' };
const LOST = { reason: 'a mask beside which no picture has its name', group: 'a mask without a picture' };

/**
 * The bytes of a mask that fits the picture; a reject that says why it does not.
 * @param picture Bytes of the picture.
 */
export async function readMask({ file }: NamedMask, name: string, picture: Uint8Array): Promise<Uint8Array | Reject> {
  const bytes = await tryRead(file);
  if (bytes instanceof Unreadable) return { name: file.name, reason: bytes.reason };
  try {
    const { width, height } = await decodeRgb(bytes, NO_LIMITS);
    const expected = await probeImage(picture, NO_LIMITS);
    if (width === expected.width && height === expected.height) return bytes;
    return {
      name: file.name,
      reason:
        `the mask is ${width} x ${height} pixels, and "${name}" is ${expected.width} x ${expected.height}: ` +
        'both must have one size',
      group: 'a mask of another size than its picture',
    };
  } catch (error) {
    if (!(error instanceof UnfitPicture)) throw error;
    return { name: file.name, reason: `the mask of "${name}": ${error.reason}`, group: 'a mask that cannot be read' };
  }
}
