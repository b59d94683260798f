import { expect, test } from 'vitest';
import { createJoiner, stemOf } from './join-names.ts';

const MUELLER = { composed: 'M\u00fcller', apart: 'Mu\u0308ller' };

/** 'base: owner, owner', or 'base? rival, rival'. */
function join(files: readonly string[], bases: readonly string[]): string[] {
  return [...createJoiner(files)(bases)].map(([base, { owners, rivals }]) =>
    owners ? `${base}: ${owners.join(', ')}` : `${base}? ${rivals.join(', ')}`,
  );
}

test('an equal name wins, whatever else differs in case', () => {
  expect(join(['A.png', 'a.png'], ['A', 'a'])).toEqual(['A: A.png', 'a: a.png']);
  expect(join(['A.png', 'a.png'], ['a'])).toEqual(['a: a.png']);
  expect(join(['a.png'], ['a', 'A'])).toEqual(['a: a.png', 'A? a.png, a']);
});

test('a name that differs in case counts if it has no rival', () => {
  expect(join(['B.PNG', 'x/C.png'], ['b', 'X/c'])).toEqual(['b: B.PNG', 'X/c: x/C.png']);
  expect(join(['AB.png', 'Ab.png'], ['ab'])).toEqual(['ab? AB.png, Ab.png']);
  expect(join(['ab.png'], ['AB', 'Ab'])).toEqual(['AB? ab.png, Ab', 'Ab? ab.png, AB']);
});

test('a name in another Unicode form counts in both directions, and before one that differs in case', () => {
  const { composed, apart } = MUELLER;
  expect(join([`${apart}.png`], [composed])).toEqual([`${composed}: ${apart}.png`]);
  expect(join([`${composed}.png`], [apart])).toEqual([`${apart}: ${composed}.png`]);
  expect(join([`${apart}.png`, `${apart.toUpperCase()}.png`], [composed, composed.toUpperCase()])).toEqual([
    `${composed}: ${apart}.png`,
    `${composed.toUpperCase()}: ${apart.toUpperCase()}.png`,
  ]);
});

test('a name that differs in case and in Unicode form counts if it has no rival', () => {
  const { composed, apart } = MUELLER;
  const base = composed.toLowerCase();
  expect(join([`${apart}.png`], [base])).toEqual([`${base}: ${apart}.png`]);
  expect(join([`${apart}.png`, `${composed}.png`], [base])).toEqual([`${base}? ${apart}.png, ${composed}.png`]);
});

test('the whole name of a file comes before a stem that equals it, and files of one stem share a text', () => {
  expect(join(['a.png', 'a.jpg'], ['a', 'a.png'])).toEqual(['a.png: a.png', 'a: a.png, a.jpg']);
  expect(join(['a.png', 'a.png.webp'], ['a.png'])).toEqual(['a.png: a.png']);
});

test('a file that is no picture keeps its text', () => {
  expect(join(['b.mov', 'B.png'], ['b'])).toEqual(['b: b.mov']);
});

test('of many names that differ in case alone, a few are named', () => {
  const names = Array.from({ length: 2 ** 13 }, (_, bits) =>
    Array.from({ length: 13 }, (_, i) => ((bits >> i) & 1 ? 'A' : 'a')).join(''),
  );
  const joins = createJoiner(names.map(name => `${name}B.png`))(names.map(name => `${name}b`));
  expect(joins.size).toBe(names.length);
  for (const { rivals } of joins.values()) expect(rivals).toHaveLength(3);
});

test('of any names, an equal one wins, and no text goes to a file that has a rival', () => {
  // All names of one letter in both cases and both Unicode forms, and random subsets of them.
  const letters = ['\u00fc', '\u00dc', 'u\u0308', 'U\u0308', 'a', 'A'];
  const fold = (name: string) => name.normalize('NFC').toLowerCase();
  for (let round = 0; round < 2 ** 12; round++) {
    const pick = (bits: number) => letters.filter((_, i) => (bits >> i) & 1);
    const [stems, bases] = [pick(round), pick(round >> 6)];
    const joins = createJoiner(stems.map(stem => `${stem}.png`))(bases);
    for (const base of bases) {
      const owner = joins.get(base)?.owners?.[0]?.slice(0, -'.png'.length);
      if (stems.includes(base)) expect(owner).toBe(base);
      else if (owner !== undefined) {
        expect(fold(owner)).toBe(fold(base));
        expect(bases).not.toContain(owner);
        const isNearer = (name: string) => name.normalize('NFC') === base.normalize('NFC');
        const rivals = (names: string[]) =>
          names.filter(name => (isNearer(owner) ? isNearer(name) : fold(name) === fold(base)));
        expect(rivals(stems)).toEqual([owner]);
        expect(rivals(bases)).toEqual([base]);
      }
    }
    const owners = bases.flatMap(base => joins.get(base)?.owners ?? []);
    expect(new Set(owners).size).toBe(owners.length);
  }
});

test('stemOf removes the extension', () => {
  expect(['a.png', 'x/b.c.jpg', 'x.y/none', 'x/.dot'].map(stemOf)).toEqual(['a', 'x/b.c', 'x.y/none', 'x/.dot']);
});
