/** Approvals and diffs over HTTP, on datasets that `prepare` has made. */
import { beforeAll, expect, test } from 'vitest';
import { packTar } from '../../formats/tar.ts';
import { encodePng } from '../../functions/pictures/image.ts';
import { noRunner } from '../../functions/testing/functions.ts';
import { createPictureLab, type PictureLab } from '../../functions/testing/pictures.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { createApp } from '../app.ts';
import { parseEnv } from '../env.ts';
import { jsonOf, problemOf } from '../testing/server.ts';

let lab: PictureLab;
let send: (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Response>;

const draw = (level: number, width = 32) =>
  encodePng({
    data: Uint8Array.from({ length: width * 32 * 3 }, (_, i) => (i * level * 37 + (i >> 4) * level) % 256),
    width,
    height: 32,
  });

async function prepare(
  dataset: string,
  captions: Readonly<Record<string, string>>,
  more: Readonly<Record<string, number | string>> = {},
) {
  const members: [string, Uint8Array][] = [];
  for (const [name, caption] of Object.entries(captions)) {
    members.push([`${name}.png`, await draw(Number(name.replace(/\D/g, '')))], [`${name}.txt`, Buffer.from(caption)]);
  }
  const { digest: tar } = await lab.blobs.put(packTar(members), 'application/x-tar');
  return lab.executor.callEffect('prepare', { dataset, tar, size: 32, ...more });
}

beforeAll(async () => {
  lab = createPictureLab();
  const { store, blobs, executor } = lab;
  const env = parseEnv({ EASEL_STORE: 'memory:' }, '/');
  // The blob store of a lab streams, too.
  const app = createApp({ store, blobs: blobs as never, executor, runner: noRunner, env, clock: SYSTEM_CLOCK });
  send = async (method, path, body, headers = {}) =>
    app.request(path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  await prepare('a', { p1: 'one', p2: 'two', p3: 'three', p4: 'four' });
});

const list = '/datasets/a/approvals';

test('a list of approvals may be longer than other bodies, and has a limit', async () => {
  const note = 'n'.repeat(500);
  const decided = (count: number) => ({
    pictures: Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`no picture ${i}`, { decision: 'keep', note }]),
    ),
  });
  const { status } = await send('PUT', list, decided(4000));
  expect(status).toBe(422);
  expect((await send('PUT', list, decided(40_000))).status).toBe(413);
});

test('a list of approvals is made, changed in part, replaced on a condition, and shown with its counts', async () => {
  const empty = await send('GET', list);
  expect(empty.headers.get('etag')).toBe('"0"');
  expect(await jsonOf(empty)).toEqual({
    ...{ v: 1, dataset: 'a', counts: { keep: 0, drop: 0, undecided: 4 }, pending: 0, pictures: {} },
  });
  const first = { pictures: { 'p1.png': 'drop', 'p2.png': { decision: 'keep', note: 'the best' } } };
  expect((await send('PATCH', list, first, { 'if-match': '"0"' })).status).toBe(200);
  expect((await send('PATCH', list, first, { 'if-match': '"0"' })).status).toBe(412);
  const shown = await send('PATCH', list, { pictures: { 'p3.png': 'drop', 'p1.png': null } });
  const { pictures, ...rest } = await jsonOf(shown);
  expect(rest).toMatchObject({ counts: { keep: 1, drop: 1, undecided: 2 }, pending: 1 });
  expect(Object.values(pictures)).toEqual(
    expect.arrayContaining([
      { decision: 'keep', name: 'p2.png', note: 'the best', present: true },
      { decision: 'drop', name: 'p3.png', present: true },
    ]),
  );
  const etag = shown.headers.get('etag') ?? '';
  expect((await send('GET', list)).headers.get('etag')).toBe(etag);
  const replaced = await send('PUT', list, { pictures: { 'p4.png': 'drop' } }, { 'if-match': etag });
  expect(await jsonOf(replaced)).toMatchObject({ counts: { keep: 0, drop: 1, undecided: 3 } });
  expect((await send('PUT', list, { pictures: {} }, { 'if-match': etag })).status).toBe(412);
});

test('what the list cannot mean is refused, and changes nothing', async () => {
  const before = (await send('GET', list)).headers.get('etag');
  const unknown = problemOf(send('PATCH', list, { pictures: { 'p1.png': 'drop', 'x.png': 'drop' } }));
  expect(await unknown).toMatchObject({ status: 422, title: expect.any(String) });
  expect(JSON.stringify(await problemOf(send('PATCH', list, { pictures: { 'x.png': 'keep' } })))).toContain('x.png');
  expect((await send('PATCH', list, { pictures: { 'p1.png': 'maybe' } })).status).toBe(400);
  expect((await send('PATCH', list, { images: {} })).status).toBe(400);
  expect((await send('PATCH', '/datasets/none/approvals', { pictures: {} })).status).toBe(404);
  expect((await send('GET', list)).headers.get('etag')).toBe(before);
});

test('changes of several callers at once are all in the list', async () => {
  await send('PUT', list, { pictures: {} });
  const names = ['p1.png', 'p2.png', 'p3.png', 'p4.png'];
  await Promise.all(names.map(name => send('PATCH', list, { pictures: { [name]: 'keep' } })));
  expect((await jsonOf(send('GET', list))).counts).toEqual({ keep: 4, drop: 0, undecided: 0 });
  // More callers than rounds.
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      send('PATCH', list, { pictures: { [names[i % 4] ?? '']: { decision: 'keep', note: String(i) } } }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});

test('gc and verify know the lists', async () => {
  await send('PATCH', list, { pictures: { 'p1.png': 'keep' } });
  await lab.executor.callEffect('gc', { delete: false, alone: true, grace_seconds: 0, retention_seconds: 0 });
  expect(JSON.stringify(await lab.executor.callEffect('verify', {}))).not.toContain('refs/approvals');
  expect((await jsonOf(send('GET', list))).counts.keep).toBe(4);
});

test('a deleted dataset leaves no list', async () => {
  await prepare('gone', { p1: 'one', p2: 'two' });
  await send('PATCH', '/datasets/gone/approvals', { pictures: { 'p1.png': 'drop' } });
  expect((await lab.store.list('refs/approvals/')).objects.map(({ key }) => key)).toContain('refs/approvals/gone.json');
  expect((await send('DELETE', '/datasets/gone')).status).toBe(204);
  expect((await lab.store.list('refs/approvals/')).objects.map(({ key }) => key)).not.toContain(
    'refs/approvals/gone.json',
  );
});

test('a diff names each change once, by names and by digests, page by page', async () => {
  await prepare('b', { p2: 'two', p3: 'drei', p4: 'four', p5: 'five' }, { size: 24 });
  const whole = await jsonOf(send('GET', '/datasets/a/diff?against=b'));
  expect(whole.counts).toEqual({ added: 1, removed: 1, replaced: 0, renamed: 0, caption: 1, split: 0, pixels: 3 });
  expect(whole.same).toBe(0);
  expect(whole.changes).toMatchObject([
    { change: 'added', name: 'p5.png' },
    { change: 'removed', name: 'p1.png' },
    { change: 'caption', name: 'p3.png', before: 'three', now: 'drei' },
    { change: 'pixels', before: 'image 32 x 32', now: 'image 24 x 24' },
    { change: 'pixels' },
    { change: 'pixels' },
  ]);
  expect(await jsonOf(send('GET', `/datasets/${whole.dataset}/diff?against=${whole.against}`))).toEqual(whole);

  const seen: unknown[] = [];
  for (let after = ''; ; ) {
    const { changes, next } = await jsonOf(send('GET', `/datasets/a/diff?against=b&limit=4${after}`));
    seen.push(...changes);
    if (next === undefined) break;
    after = `&after=${next}`;
  }
  expect(seen).toEqual(whole.changes);
  expect((await jsonOf(send('GET', '/datasets/a/diff?against=b&change=caption'))).changes).toHaveLength(1);
  expect((await jsonOf(send('GET', '/datasets/a/diff?against=b&pixels=false'))).counts.pixels).toBe(0);
  expect(await jsonOf(send('GET', '/datasets/a/diff?against=a'))).toMatchObject({ changes: [], same: 4 });
});

test('a picture of the same name with other bytes is replaced, and one of another name renamed', async () => {
  const { digest: tar } = await lab.blobs.put(
    packTar([
      ['p1.png', await draw(9)],
      ['p1.txt', Buffer.from('one')],
      ['q2.png', await draw(2)],
      ['q2.txt', Buffer.from('two')],
    ]),
    'application/x-tar',
  );
  await lab.executor.callEffect('prepare', { dataset: 'c', tar, size: 32 });
  const { changes } = await jsonOf(send('GET', '/datasets/a/diff?against=c'));
  expect(changes).toMatchObject([
    { change: 'removed', name: 'p3.png' },
    { change: 'removed', name: 'p4.png' },
    { change: 'replaced', name: 'p1.png' },
    { change: 'renamed', name: 'q2.png', before: 'p2.png', now: 'q2.png' },
  ]);
});

test('pictures are listed with their crops and measures', async () => {
  await prepare('measured', { p1: 'one', p2: 'two' }, { rules: {} } as never);
  const { items } = await jsonOf(send('GET', '/datasets/measured/items?with=crop,curate&limit=1'));
  expect(items).toMatchObject([
    {
      name: 'p1.png',
      crop: { crop: 'centre', cut: 0, scale: 1 },
      curate: { measures: { side: 32, caption_words: 1 } },
    },
  ]);
  expect((await jsonOf(send('GET', '/datasets/a/items?with=curate'))).items[0].curate).toBeUndefined();
  expect((await send('GET', '/datasets/a/items?with=image')).status).toBe(400);
});

test('a wrong question about a diff is refused', async () => {
  for (const query of ['', '?against=', '?against=b&limit=0', '?against=b&after=x', '?against=b&change=what']) {
    expect((await send('GET', `/datasets/a/diff${query}`)).status, query).toBe(400);
  }
  expect((await send('GET', '/datasets/a/diff?against=nobody')).status).toBe(404);
});
