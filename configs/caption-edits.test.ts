import { expect, test } from 'vitest';
import { editCaption, SEED_EDITS } from './caption-edits.ts';

test.each([
  ['A woman with long hair', 'A person with long hair'],
  ['Long hair, a long dress', 'Short hair, a short dress'],
  ['an impaled fruit, longing', undefined],
  ['a dark-skinned man', 'a light-skinned man'],
  ['he is facing\nright', 'he is facing left'],
  ['PALE', 'Tan'],
  ['un pâle', undefined],
  ['un pâle'.normalize('NFD'), undefined],
  ['pale\u0301', undefined],
  ['a\u0301pale', undefined],
  ['❤\ufe0fpale', '❤\ufe0ftan'],
])('"%s" becomes "%s"', (caption, edited) => {
  expect(editCaption(caption, SEED_EDITS)?.caption).toBe(edited);
});

test('the first edit that fits is made alone, and signs are taken as they are', () => {
  const edits = [
    { from: 'c++ (old)', to: 'rust' },
    { from: 'red', to: 'blue' },
    { from: 'hat', to: 'cap' },
  ];
  expect(editCaption('a red hat', edits)).toEqual({ caption: 'a blue hat', edit: edits[1] });
  expect(editCaption('in c++ (old)', edits)?.caption).toBe('in rust');
  expect(editCaption('a cat', edits)).toBeUndefined();
});
