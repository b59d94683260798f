import { expect, test } from 'vitest';
import { groupNotes } from './group-notes.ts';

const note = (name: string, ...texts: string[]) => ({ name, notes: texts.map(text => ({ text })) });
const LONG = 'the average with decay 0.9999 looks back over about 10000 steps';

test('a note that many experiments share is one line, which names three of them', () => {
  const runs = Array.from({ length: 16 }, (_, i) => note(`grid-a-${i}`, LONG));
  expect(groupNotes(runs)).toEqual([`grid-a-0, grid-a-1, grid-a-2 and 13 more: ${LONG}`]);
});

test('notes that differ in numbers alone share a line, which says whose numbers it has', () => {
  expect(groupNotes([note('a', '3 of 20 steps were skipped'), note('b', '5 of 20 steps were skipped')])).toEqual([
    'a, b: 3 of 20 steps were skipped (the numbers are those of a)',
  ]);
});

test('a shared note names no single experiment, and a note of one experiment keeps its text', () => {
  const moved = (name: string) => note(name, `prepared again; POST /experiments/${name}/train goes on`);
  expect(groupNotes([moved('a-1'), moved('a-2')])).toEqual([
    'a-1, a-2: prepared again; POST /experiments/NAME/train goes on',
  ]);
  expect(groupNotes([moved('a-1'), { name: 'b' }])).toEqual([
    'a-1: prepared again; POST /experiments/a-1/train goes on',
  ]);
});

test('a checkpoint of the own experiment is no other kind of note', () => {
  const copied = (name: string, step: number) =>
    note(name, `copies at step ${step}; step 4 is the last that does not, and stays: ${name}@clean`);
  expect(groupNotes([copied('a-0', 8), copied('a-1', 12)])).toEqual([
    'a-0, a-1: copies at step 8; step 4 is the last that does not, and stays: NAME@clean (the numbers are those of a-0)',
  ]);
  expect(groupNotes([note('a', 'as big-a@best'), note('b', 'as big-b@best')])).toHaveLength(2);
});

test('notes of other kinds, also on one experiment, keep lines of their own', () => {
  expect(groupNotes([note('a', LONG, 'the loss rises'), note('b', 'the dataset "x" is newer')])).toEqual([
    `a: ${LONG}`,
    'a: the loss rises',
    'b: the dataset "x" is newer',
  ]);
});

test('alike notes on one experiment are all told, each once for all experiments', () => {
  const empty = ['1 picture of 40 x 24: 7 places stay empty', '2 pictures of 24 x 40: 6 places stay empty'];
  const wide = '3 pictures of 48 x 16: 5 places stay empty';
  expect(groupNotes([note('a', ...empty), note('b', ...empty), note('c', wide)])).toEqual([
    `a, b: ${empty[0]}`,
    `a, b, c: ${empty[1]} (the numbers are those of a)`,
  ]);
});

test('names that differ in digits are no numbers', () => {
  const newer = (name: string, dataset: string) => note(name, `the dataset "${dataset}" was prepared again`);
  expect(groupNotes([newer('a', 'photos-7000'), newer('b', 'photos-800')])).toHaveLength(2);
});
