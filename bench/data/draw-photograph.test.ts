import { expect, test } from 'vitest';
import { inspectPicture } from '../../functions/datasets/inspection.ts';
import { encodeJpeg } from '../../functions/pictures/image.ts';
import { DEFAULT_LIMITS } from '../../functions/pictures/limits.ts';
import { isNearDuplicate, readMarks } from '../../functions/pictures/perceptual-hash.ts';
import { drawPhotograph } from './draw-photograph.ts';

async function look(number: number) {
  const jpeg = await encodeJpeg(drawPhotograph(number, 320, 240), 80);
  const inspection = await inspectPicture(jpeg, DEFAULT_LIMITS);
  if (!inspection.accepted) throw new Error(inspection.reason);
  return inspection;
}

test('equal numbers draw equal photographs', () => {
  expect(drawPhotograph(7, 64, 48)).toEqual(drawPhotograph(7, 64, 48));
});

test('photographs are accepted as JPEG, and no two nearly equal each other', async () => {
  const seen = await Promise.all([1, 2, 3, 4, 5, 6].map(look));
  expect(seen[0]).toMatchObject({ format: 'jpeg', width: 320, height: 240 });
  const marks = seen.map(readMarks);
  const pairs = marks.flatMap((a, i) => marks.slice(i + 1).map(b => isNearDuplicate(a, b)));
  expect(pairs).toHaveLength(15);
  expect(pairs).not.toContain(true);
});
