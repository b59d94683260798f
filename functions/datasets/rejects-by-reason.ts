/** @file The rejects of a dataset by reason: pictures first, then texts, then other files. */
import { PICTURE_ENDINGS } from '../../formats/file-format.ts';
import type { Reject } from '../../storage/records.ts';

/** The group of rejects whose bytes another picture of the source has. */
export const SAME_BYTES = 'the same bytes as another';

export interface RejectGroup {
  readonly of: RejectKind;
  readonly text: string;
  readonly count: number;
  /** Some of their names. */
  readonly examples: readonly string[];
}

export type RejectKind = 'picture' | 'text' | 'file';

const KINDS: readonly RejectKind[] = ['picture', 'text', 'file'];
const TEXT_ENDINGS: ReadonlySet<string> = new Set(['txt', 'caption', 'json', 'jsonl', 'csv', 'tsv', 'parquet']);
const MAX_EXAMPLES = 20;

/** The commonest reason of each kind first. */
export function groupRejects(rejects: readonly Reject[]): RejectGroup[] {
  const groups = Map.groupBy(rejects, reject => `${kindOfReject(reject)} ${reject.group ?? reject.reason}`);
  return [...groups.values()]
    .flatMap(([first, ...others]) => (first ? [{ first, all: [first, ...others] }] : []))
    .map(({ first, all }) => ({
      of: kindOfReject(first),
      text: first.group ?? first.reason,
      count: all.length,
      examples: all.slice(0, MAX_EXAMPLES).map(({ name }) => name),
    }))
    .sort((a, b) => KINDS.indexOf(a.of) - KINDS.indexOf(b.of) || b.count - a.count);
}

/** A picture: something whose bytes were, or whose name says that it is. */
export function kindOfReject({ id, name }: Reject): RejectKind {
  const ending = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  if (id !== undefined || PICTURE_ENDINGS.has(ending)) return 'picture';
  return TEXT_ENDINGS.has(ending) ? 'text' : 'file';
}
