import { expect, test } from 'vitest';
import { readServerSentEvents, type ServerSentEvent } from './server-sent-events.ts';

async function read(chunks: readonly Uint8Array[], onBytes?: () => void): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  const body = (async function* () {
    yield* chunks;
  })();
  for await (const event of readServerSentEvents(body, onBytes)) events.push(event);
  return events;
}

test('messages do not depend on how the bytes are cut, also inside a character', async () => {
  const text = 'retry: 2000\n\nid: 1\nevent: progress\ndata: {"a":"é"}\n\n: keep-alive\n\ndata: x\ndata: y\n\n';
  const bytes = new TextEncoder().encode(text);
  const expected = [{ id: '1', event: 'progress', data: '{"a":"é"}' }, { data: 'x\ny' }];
  expect(await read([bytes])).toEqual(expected);
  expect(await read([...bytes].map(byte => Uint8Array.of(byte)))).toEqual(expected);
});

test('a message that the connection cut off is dropped, and comments count as a sign of life', async () => {
  let chunks = 0;
  const encode = (text: string) => new TextEncoder().encode(text);
  const events = await read([encode('data: whole\n\n'), encode(': keep-alive\n\n'), encode('data: ha')], () => {
    chunks += 1;
  });
  expect(events).toEqual([{ data: 'whole' }]);
  expect(chunks).toBe(3);
});
