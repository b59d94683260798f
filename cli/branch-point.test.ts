import { expect, test } from 'vitest';
import { readBranchPoint } from './commands/experiments.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;

test.each([
  ['cats', undefined, { parent: 'cats' }],
  ['cats', '500', { parent: 'cats', from: 500 }],
  ['cats', 'best', { parent: 'cats', from: 'best' }],
  ['cats', 'cats@clean', { parent: 'cats', from: 'clean' }],
  ['cats', DIGEST, { parent: 'cats', from: DIGEST }],
  ['cats@clean', undefined, { parent: 'cats', from: 'clean' }],
  ['cats@500', undefined, { parent: 'cats', from: 500 }],
])('a branch of %s --from %s begins at %j', (named, from, point) => {
  expect(readBranchPoint(named, from)).toEqual(point);
});

test.each([
  ['cats@best', '500', '--from 500 does not go with cats@best'],
  ['cats', 'dogs@best', '"dogs@best" is no checkpoint of cats'],
  ['cats', 'x', '"x" is no checkpoint of cats'],
  ['cats@', undefined, '"cats@" is no checkpoint of cats'],
])('a branch of %s --from %s is refused', (named, from, message) => {
  expect(() => readBranchPoint(named, from)).toThrow(message);
});
