import { expect, test } from 'vitest';
import { checkDivision } from './divide-pictures.ts';

const size = (width: number, height: number) => ({ width, height });

test('sizes that do not divide are named once, with the sides that divide all', () => {
  const sizes = [size(32, 32), size(40, 24), size(24, 40), size(40, 24)];
  expect(() => checkDivision(sizes, 'model.patch_size', 16)).toThrow(
    expect.objectContaining({
      status: 422,
      message: 'pictures of 40 x 24 and 24 x 40 do not divide into patches of 16 pixels',
      expected: 'model.patch_size that divides both sides of all pictures: 1, 2, 4, 8',
    }),
  );
  expect(() => checkDivision(sizes, 'model.patch_size', 8)).not.toThrow();
});

test('one side that does not divide is enough, and the first eight sizes are named', () => {
  expect(() => checkDivision([size(32, 24)], 'model.patch_size', 16)).toThrow('pictures of 32 x 24 do not');
  const many = Array.from({ length: 11 }, (_, i) => size(32, 8 * (2 * i + 1)));
  expect(() => checkDivision(many, 'model.patch_size', 16)).toThrow(/32 x 120 and 3 other sizes do not/);
});
