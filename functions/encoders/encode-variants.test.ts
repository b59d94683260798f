import { expect, test } from 'vitest';
import type { Item } from '../../storage/records.ts';
import { caption } from '../caption.ts';
import { encodePage } from './encode-tasks.ts';

test('each caption of a picture has a member of its own, and so has its encoded text', async () => {
  const item = (id: string, attributes: Item['attributes']) => ({ id, name: id, original: 'sha256:0', attributes });
  const items = [
    item('0000000000000001', { caption: 'a fox', captions: ['a fox', 'a red fox', 'red'] }),
    item('0000000000000002', { caption: 'a hare' }),
  ] as Item[];
  const page = { items, columns: {}, digests: {} };
  const { columns } = await caption.run({} as never, page, { source: 'auto', missing: 'error' } as never);
  const members = columns.caption as ReadonlyMap<string, Uint8Array>;
  expect([...members].map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([
    ['0000000000000001.txt', 'a fox'],
    ['0000000000000001.1.txt', 'a red fox'],
    ['0000000000000001.2.txt', 'red'],
    ['0000000000000002.txt', 'a hare'],
  ]);
  const ids = ['0000000000000001', '0000000000000001.1', '0000000000000001.2', '0000000000000002'];
  const made = encodePage({ encoder: 'words', options: {}, ids, members });
  expect([...(made.text?.keys() ?? [])]).toEqual(ids.map(id => `${id}.t5h.npy`));
});
