import { expect, test } from 'vitest';
import { addUpNotes, keepNotes, type Noted, type NotedItem, readNoted, withNotes, writeNoted } from './notes.ts';

function item(number: number, amount = 0): NotedItem {
  return { id: String(number).padStart(16, '0'), name: `${number}.png`, amount, text: `by ${amount}` };
}

test('notes of several pages are added up, the worst pictures first', () => {
  const pages: Noted[] = [
    { code: 'first_frame', items: [item(1, 2), item(2, 90)] },
    { code: 'cmyk', items: [item(1)] },
    { code: 'first_frame', items: [item(70, 3)] },
  ];
  expect(addUpNotes(pages)).toEqual([
    {
      code: 'first_frame',
      count: 3,
      text: '3 pictures are the first of several frames or pages',
      examples: [
        { name: '2.png', text: 'by 90' },
        { name: '70.png', text: 'by 3' },
        { name: '1.png', text: 'by 2' },
      ],
    },
    { code: 'cmyk', count: 1, text: '1 picture is converted from CMYK', examples: [{ name: '1.png', text: 'by 0' }] },
  ]);
});

test('a note counts all pictures and names twenty', () => {
  const [note] = addUpNotes([{ code: 'turned', items: Array.from({ length: 64 }, (_, i) => item(i, i)) }]);
  expect(note).toMatchObject({ count: 64, text: '64 pictures are turned as EXIF orientation says' });
  expect(note?.examples.map(({ name }) => name)).toEqual(Array.from({ length: 20 }, (_, i) => `${63 - i}.png`));
});

test('removed pictures do not count, and a note on none is no note', () => {
  const noted: Noted[] = [
    { code: 'turned', items: [item(1), item(2)] },
    { code: 'cmyk', items: [item(1)] },
  ];
  expect(addUpNotes(noted, new Set([item(1).id])).map(({ code, count }) => [code, count])).toEqual([['turned', 1]]);
});

test('notes of other facts are not added up', () => {
  const noted: Noted[] = [8, 9, 8].map((tokens, i) => ({ code: 'turned', facts: { tokens }, items: [item(i)] }));
  expect(addUpNotes(noted).map(({ count }) => count)).toEqual([2, 1]);
});

test('the order of stages does not show in the order of notes', () => {
  const [cmyk, turned] = (['cmyk', 'turned'] as const).map(code => addUpNotes([{ code, items: [item(1)] }]));
  expect(withNotes(turned ?? [], cmyk ?? [])).toEqual(withNotes(cmyk ?? [], turned ?? []));
});

test('a dataset without notes has no key for them', () => {
  expect(withNotes([], [])).toEqual({});
  expect(withNotes(addUpNotes([{ code: 'cmyk', items: [item(1)] }]), [])).toHaveProperty('notes.length', 1);
});

test('a note goes with its column; one of another version stays', () => {
  const [note] = addUpNotes([{ code: 'cmyk', items: [item(1)] }]);
  if (!note) throw new Error('no note');
  const foreign = { ...note, code: 'of_the_future' };
  expect(keepNotes([note, foreign], column => column === 'inspect')).toEqual([note, foreign]);
  expect(keepNotes([note, foreign], () => false)).toEqual([foreign]);
});

test('stored notes are read as they were written, and a result of an earlier version has none', () => {
  const noted: Noted[] = [{ code: 'cmyk', facts: { profile: 'FOGRA39' }, items: [item(1)] }];
  expect(readNoted(JSON.parse(JSON.stringify(writeNoted([...noted, { code: 'turned', items: [] }]))))).toEqual(noted);
  expect(readNoted(undefined)).toEqual([]);
  expect(() => readNoted([{ code: 'unheard_of', items: [] }])).toThrow();
});
