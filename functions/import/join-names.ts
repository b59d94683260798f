/**
 * @file The rule by which texts belong to files, on names alone. A text belongs to a file if its base (the name without
 * the ending of the text) equals the whole name of the file ("a.png" of "a.png.txt") or its stem ("a" of "a.txt"). A
 * base that differs in case or Unicode form counts if it has no rival: no other name differs in these alone.
 */
import { basename } from 'node:path';

export type Join =
  /** Names of the files to which a text belongs. */
  | { readonly owners: readonly string[]; readonly isWhole: boolean; readonly rivals?: undefined }
  /** Some of the names because of which the text has no owner: they differ in case or Unicode form alone. */
  | { readonly owners?: undefined; readonly rivals: readonly string[] };

/** Forms in which names are compared, strictest first. */
const FORMS: readonly ((name: string) => string)[] = [name => name, name => name.normalize('NFC'), foldName];

const MAX_RIVALS = 3;

/** Joins texts of one kind by their bases, each given once. A base that no file resembles is absent. */
export type JoinNames = (bases: readonly string[]) => Map<string, Join>;

/** @param files Pictures and others: a text that belongs to a file that is no picture belongs to no other file. */
export function createJoiner(files: readonly string[]): JoinNames {
  const levels = FORMS.flatMap(form =>
    [true, false].map(isWhole => {
      const partOf = isWhole ? (name: string) => name : stemOf;
      let owners: Map<string, string[]> | undefined;
      // Made when it is first needed: exact names are the rule.
      const find = (base: string) => {
        owners ??= Map.groupBy(files, name => form(partOf(name)));
        return owners.get(form(base));
      };
      return { form, isWhole, partOf, find };
    }),
  );
  return bases => {
    const joins = new Map<string, Join>();
    for (const { form, isWhole, partOf, find } of levels) {
      const open = bases.filter(base => !joins.get(base)?.owners);
      if (open.length === 0) break;
      const texts = Map.groupBy(bases, form);
      for (const base of open) {
        const near = find(base);
        if (near === undefined) continue;
        const alike = texts.get(form(base)) ?? [];
        const isAlone = alike.length === 1 && near.every(name => partOf(name) === partOf(near[0] ?? ''));
        joins.set(base, isAlone ? { owners: near, isWhole } : { rivals: listRivals(near, alike, base) });
      }
    }
    return joins;
  };
}

/** A few of them: an archive may have thousands of such names. */
function listRivals(files: readonly string[], bases: readonly string[], own: string): string[] {
  const others = bases.slice(0, MAX_RIVALS).filter(base => base !== own);
  return [...files.slice(0, MAX_RIVALS), ...others].slice(0, MAX_RIVALS);
}

/** End of the name of a picture as an array. */
export const ARRAY_ENDING = /\.image\.npy$/i;

/** 'a/b.png' -> 'a/b', 'a/b.image.npy' -> 'a/b'. */
export function stemOf(name: string): string {
  if (ARRAY_ENDING.test(name)) return name.replace(ARRAY_ENDING, '');
  const dot = name.lastIndexOf('.');
  return dot > name.length - basename(name).length ? name.slice(0, dot) : name;
}

/** Without case, accents composed. */
function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}
