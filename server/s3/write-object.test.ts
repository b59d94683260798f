import { expect, it } from 'vitest';
import { etagOf } from '../../storage/drivers/conditions.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { interceptStore } from '../../storage/intercept.ts';
import { formatEtag } from './etag.ts';
import { putObject } from './write-object.ts';

/** A store in which another client writes `texts` to the key, one before each write. */
async function openContended(texts: string[]) {
  const store = createMemoryStore();
  const { etag } = await store.put('key', Buffer.from('first'));
  const contended = interceptStore(store, async (call, run) => {
    const text = call.operation === 'put' ? texts.shift() : undefined;
    if (text !== undefined) await store.put('key', Buffer.from(text));
    return run();
  });
  const write = async (headers: Record<string, string>) => {
    const bytes = (async function* () {
      yield Buffer.from('mine');
    })();
    await putObject(contended, 'key', new Headers(headers), { bytes });
    return Buffer.from((await store.get('key'))?.body ?? []).toString();
  };
  return { write, etag: formatEtag(etag) };
}

it('a write on a condition is tried again when another write comes between and the condition still holds', async () => {
  const { write } = await openContended(['second', 'third']);
  expect(await write({ 'if-match': '*' })).toBe('mine');
});

it('a write on a condition is refused when the write that comes between breaks the condition', async () => {
  const replaced = await openContended(['second']);
  await expect(replaced.write({ 'if-match': replaced.etag })).rejects.toMatchObject({ code: 'PreconditionFailed' });
  const { write } = await openContended(['second']);
  const excluded = `"other-1", ${formatEtag(etagOf(Buffer.from('second')))}`;
  await expect(write({ 'if-none-match': excluded })).rejects.toMatchObject({ code: 'PreconditionFailed' });
});

it('a write on a condition is given up when other writes come between over and over', async () => {
  const { write } = await openContended(Array.from({ length: 9 }, (_, i) => `write ${i}`));
  await expect(write({ 'if-match': '*' })).rejects.toMatchObject({ code: 'ConditionalRequestConflict' });
});
