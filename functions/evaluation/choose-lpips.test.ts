import { expect, test } from 'vitest';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { createTrainingLab, putToyDataset } from '../testing/training.ts';
import { chooseLpips } from './choose-lpips.ts';

test('the net of LPIPS is one that takes the smallest pictures, or it is told why none does', async () => {
  const lab = createTrainingLab();
  const { digest } = await lab.blobs.put(Buffer.from('weights'));
  const { models } = createRefs(lab.store);
  const head = { v: 1 as const, weights: { heads: [digest] }, source: 'a test' };
  const license = { name: 'BSD-2-Clause', read_in: 'a test' };
  const choose = async (side: number, objective = {}) =>
    chooseLpips(lab, { objective } as never, await readDataset(lab.blobs, await putToyDataset(lab.blobs, { side })));
  expect(await choose(16)).toEqual({});
  await models.create('lpips-alex', { ...head, license });
  const alex = { net: 'lpips-alex', weights: head.weights };
  expect(await choose(32)).toEqual({ lpips: alex });
  const tooSmall = 'pictures with sides of 16 pixels are too small: lpips-alex needs 31';
  expect(await choose(16)).toEqual({ lpips: alex, tooSmall });
  await models.create('lpips-vgg', { ...head, license });
  const vgg = { net: 'lpips-vgg', weights: head.weights };
  expect(await choose(16)).toEqual({ lpips: vgg });
  const list = async (side: number, objective = {}) => {
    const { lpips, others = [] } = await choose(side, objective);
    return [lpips, ...others];
  };
  expect(await list(32)).toEqual([alex, vgg]);
  expect(await list(16)).toEqual([vgg]);
  expect(await list(32, { frozen: { 'lpips-vgg': {} } })).toEqual([alex]);
  expect(await choose(32, { frozen: { 'lpips-alex': {} } })).toEqual({ lpips: vgg });
});
