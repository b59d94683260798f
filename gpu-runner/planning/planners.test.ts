import { expect, it } from 'vitest';
import { CARDS } from '../../configs/cards.ts';
import { cardLike } from './planners.ts';

const own = { name: 'NVIDIA GeForce RTX 4070', driver: '580.1', capability: '8.9', memoryBytes: 12_282 * 2 ** 20 };

it('a card that is not listed is planned for as a listed card of its capability, with its own memory', () => {
  const card = cardLike({ ...own, hasDisplay: true });
  expect(card).toMatchObject({ name: own.name, capability: '8.9', memoryMiB: 12_282 });
  const listed = cardLike({ ...own, name: CARDS['rtx-4090'].name, memoryBytes: 24_564 * 2 ** 20, hasDisplay: false });
  expect(listed).toEqual(CARDS['rtx-4090']);
  expect(cardLike({ ...own, capability: '7.5', hasDisplay: true })).toBeUndefined();
});
