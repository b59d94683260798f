/**
 * @file How each text of a source is used, told by names alone: for the pictures to which it belongs, as a table of
 * captions, or not at all, with the reason.
 */
import { posix } from 'node:path';
import type { Reject } from '../../storage/records.ts';
import { TABLE_NAMES, tableRank } from './caption-table.ts';
import type { Join, JoinNames } from './join-names.ts';

/** Endings of texts beside a picture, in order of precedence. */
const ENDINGS = ['.txt', '.caption', '.json'] as const;
type Ending = (typeof ENDINGS)[number];

const TEXT = /\.(txt|caption|json|jsonl)$/i;
/** Tables that other programs read. */
const OTHER_TABLE = /(^|\/)(metadata|captions)\.(csv|tsv|parquet)$/i;
const MAX_TEXT_BYTES = 2 ** 20;
/** A table of 70,000 captions has about 20 MB. */
const MAX_TABLE_BYTES = 2 ** 26;

/** Most bytes of a file that is a text by its name; undefined for other files. */
export function textLimit(name: string): number | undefined {
  if (tableRank(name) !== undefined) return MAX_TABLE_BYTES;
  return TEXT.test(name) || OTHER_TABLE.test(name) ? MAX_TEXT_BYTES : undefined;
}

export type TextUse =
  /** Pictures to which the text belongs. Of their captions, the one with the lowest rank counts. */
  | { readonly kind: 'own'; readonly pictures: readonly string[]; readonly ending: Ending; readonly rank: number }
  | { readonly kind: 'table' }
  | ({ readonly kind: 'none' } & TextProblem);

/** Why a text is not used, in the words of a reject. */
export type TextProblem = Pick<Reject, 'reason' | 'group'>;

/** The rank of what a table says about a picture. A text of the picture's own has a lower rank. */
export function rankOfTable(table: string, picture: string): number {
  const distance = Math.max(0, depthOf(picture) - depthOf(table));
  return 2 * ENDINGS.length + TABLE_NAMES.length * distance + (tableRank(table) ?? 0);
}

function depthOf(name: string): number {
  return name.split('/').length;
}

export interface SourceNames {
  /** All files that are not texts. */
  readonly others: readonly string[];
  /** Those of them that are pictures. */
  readonly pictures: ReadonlySet<string>;
}

/** @param texts Names of files with a {@link textLimit}, sorted. @param join Joins with all other files. */
export function planTexts(
  texts: readonly string[],
  { others, pictures }: SourceNames,
  join: JoinNames,
): Map<string, TextUse> {
  const folders = listFolders(others);
  const uses = new Map<string, TextUse>();
  for (const name of texts) if (endingOf(name) === undefined) uses.set(name, useOfTable(name));
  for (const [order, ending] of ENDINGS.entries()) {
    const byBase = Map.groupBy(
      texts.filter(name => endingOf(name) === ending),
      name => name.slice(0, -ending.length),
    );
    const joins = join([...byBase.keys()]);
    for (const [base, names] of byBase) {
      const found = joins.get(base);
      // Names are sorted, capitals first: of a.TXT and a.txt, the last counts.
      const [counts = '', ...rest] = names.toReversed();
      const instead = { reason: `"${counts}" counts instead`, group: 'a file with the same name counts instead' };
      for (const name of rest) uses.set(name, { kind: 'none', ...instead });
      if (found?.owners === undefined) {
        uses.set(counts, useOfTable(counts, problemOf(base, ending, found, folders)));
      } else {
        const owned = found.owners.filter(owner => pictures.has(owner));
        const rank = 2 * order + (found.isWhole ? 0 : 1);
        const lost = {
          reason: `the text of "${found.owners[0]}", which is not taken`,
          group: 'the text of a file that is not taken',
        };
        uses.set(counts, owned.length > 0 ? { kind: 'own', pictures: owned, ending, rank } : { kind: 'none', ...lost });
      }
    }
  }
  return uses;
}

/** 'a.png.txt' -> 'a.png'; undefined for a file that is not read as the text of one picture. */
export function baseOf(name: string): string | undefined {
  const ending = endingOf(name);
  return ending && name.slice(0, -ending.length);
}

function endingOf(name: string): Ending | undefined {
  const lower = name.toLowerCase();
  return ENDINGS.find(ending => lower.endsWith(ending));
}

const TABLES = `a table of captions is called ${TABLE_NAMES.slice(0, -1).join(', ')} or ${TABLE_NAMES.at(-1)}`;

/** @param problem Why the text is not used if it is not called like a table. */
function useOfTable(name: string, problem: TextProblem = { reason: `not read: ${TABLES}` }): TextUse {
  return tableRank(name) === undefined ? { kind: 'none', ...problem } : { kind: 'table' };
}

function problemOf(base: string, ending: Ending, found: Join | undefined, folders: ReadonlySet<string>): TextProblem {
  const name = posix.basename(base);
  if (found?.rivals) {
    const rivals = found.rivals.map(rival => `"${posix.basename(rival)}"`).join(', ');
    const group = 'its name differs in case or accents alone from others';
    return {
      reason: `its name differs in case or accents alone from ${rivals}; give it exactly the name of its picture`,
      group,
    };
  }
  if (folders.has(base)) {
    const group = 'the text of a folder is not read';
    return { reason: `${group}; "${name}/a.png" has its caption in "${name}/a.txt"`, group };
  }
  const tables = ending === '.json' ? `, and ${TABLES}` : '';
  return {
    reason: `no picture is called "${name}"; this would be its caption${tables}`,
    group: 'no picture has its name',
  };
}

/** 'a/b/c.png' is in the folders 'a' and 'a/b'. */
function listFolders(names: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const name of names) {
    for (let folder = posix.dirname(name); folder !== '.' && !folders.has(folder); folder = posix.dirname(folder)) {
      folders.add(folder);
    }
  }
  return folders;
}
