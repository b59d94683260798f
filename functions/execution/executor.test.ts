import { expect, test } from 'vitest';
import { NotFound } from '../../errors.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import { digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { interceptStore } from '../../storage/intercept.ts';
import { actionKey, blobKey } from '../../storage/keys.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { createLab, failureOf, putDataset, textOf } from '../testing/functions.ts';
import { outputOf } from './output-of.ts';

test('the action is the digest of function, version, params with defaults, and inputs', async () => {
  const lab = createLab();
  const { action, cache, result } = await lab.executor.call('echo', { text: 'a' });
  expect(cache).toBe('miss');
  expect(result.action).toEqual({ v: 1, function: 'echo', version: 1, params: { text: 'a', times: 1 }, inputs: {} });
  expect(action).toBe(canonicalDigest(result.action));
  expect(result.stats.seconds).toBeTypeOf('number');
});

test('the second call is a hit, also with a default spelled out', async () => {
  const lab = createLab();
  const first = await lab.executor.call('echo', { text: 'a' });
  const second = await lab.executor.call('echo', { times: 1, text: 'a' });
  expect(second).toEqual({ ...first, cache: 'hit' });
  expect(lab.bench.runs).toEqual(['echo a']);
});

test('a hit asks the store twice: is the result unchanged, and is its blob there', async () => {
  const calls: string[] = [];
  const store = interceptStore(createMemoryStore(), ({ operation, key }, run) => {
    calls.push(`${operation} ${key}`);
    return run();
  });
  const lab = createLab({ store });
  await lab.executor.call('echo', { text: 'a' });
  const known = await lab.executor.call('echo', { text: 'a' });
  calls.length = 0;
  expect(await lab.executor.call('echo', { text: 'a' })).toEqual(known);
  expect(calls).toEqual([`head ${actionKey('echo', known.action)}`, `head ${blobKey(outputOf(known.result, 'text'))}`]);
});

test('equal calls at the same time run once', async () => {
  const lab = createLab();
  const calls = Array.from({ length: 20 }, () => lab.executor.call('slow', { text: 'a' }));
  lab.bench.gate.resolve();
  const answers = await Promise.all(calls);
  expect(lab.bench.runs).toEqual(['slow a']);
  expect(new Set(answers.map(answer => answer.result.outputs.text?.digest)).size).toBe(1);
});

test('skipCache computes again and replaces the result', async () => {
  const lab = createLab();
  await lab.executor.call('echo', { text: 'a' });
  const again = await lab.executor.call('echo', { text: 'a' }, { skipCache: true });
  expect(again.cache).toBe('miss');
  expect(lab.bench.runs).toHaveLength(2);
  const stored = await lab.store.get(actionKey('echo', again.action));
  expect(JSON.parse(Buffer.from(stored?.body ?? []).toString())).toEqual(again.result);
});

test('when two servers race, both return the result that was committed first', async () => {
  const one = createLab();
  const two = createLab({ store: one.store });
  const started = [one.executor.call('slow', { text: 'a' }), two.executor.call('slow', { text: 'a' })];
  await expect.poll(() => [...one.bench.runs, ...two.bench.runs]).toHaveLength(2);
  one.bench.gate.resolve();
  const first = await started[0];
  two.bench.gate.resolve();
  const second = await started[1];
  expect(second?.result).toEqual(first?.result);
  // The two results have different times, so only one result can be in both answers.
  expect(second?.cache).toBe('miss');
});

test('a result without its output blob is a miss, and is replaced', async () => {
  const lab = createLab();
  const first = await lab.executor.call('echo', { text: 'a' });
  await lab.store.delete(blobKey(outputOf(first.result, 'text')));
  const second = await lab.executor.call('echo', { text: 'a' });
  expect(second.cache).toBe('miss');
  expect(await textOf(lab, second)).toBe('a');
  expect((await lab.executor.call('echo', { text: 'a' })).cache).toBe('hit');
});

test('a nested blob that is missing when it is used is made again by its maker, once', async () => {
  const lab = createLab();
  const packed = await lab.executor.call('pack', { text: 'a' });
  await lab.store.delete(blobKey(digestOf('nested a')));
  const unpacked = await lab.executor.call('unpack', { document: outputOf(packed.result, 'document') });
  expect(await textOf(lab, unpacked)).toBe('nested a');
  expect(lab.bench.runs).toEqual(['pack a', 'unpack', 'pack a', 'unpack']);
});

test('a missing nested blob is made again after a restart, when the memory of its maker is gone', async () => {
  const lab = createLab();
  const packed = await lab.executor.call('pack', { text: 'a' });
  await Promise.all(Array.from({ length: 100 }, (_, i) => lab.executor.call('pack', { text: `another ${i}` })));
  await lab.store.delete(blobKey(digestOf('nested a')));
  const restarted = createLab({ store: lab.store });
  const unpacked = await restarted.executor.call('unpack', { document: outputOf(packed.result, 'document') });
  expect(await textOf(restarted, unpacked)).toBe('nested a');
  expect(restarted.bench.runs).toEqual(['unpack', 'pack a', 'unpack']);
});

test('a missing blob without a maker is an error with its digest', async () => {
  const lab = createLab();
  const nested = digestOf('nobody made this');
  const { digest } = await lab.blobs.put(Buffer.from(JSON.stringify({ nested })));
  const error = await failureOf(lab.executor.call('unpack', { document: digest }));
  expect(error).toMatchObject({ code: 'blob_missing', status: 404, details: { digest: nested } });
});

test('a server that stops starts no run and waits for runs that end soon', async () => {
  const lab = createLab();
  const running = lab.executor.call('slow', { text: 'a' });
  await expect.poll(() => lab.bench.runs).toEqual(['slow a']);
  const drained = lab.executor.drain(5000);
  expect(await failureOf(lab.executor.call('echo', { text: 'a' }))).toMatchObject({ code: 'busy' });
  lab.bench.gate.resolve();
  await drained;
  expect(await textOf(lab, await running)).toBe('a');
});

test('work that was cut short is committed under the action of what was done', async () => {
  const lab = createLab();
  const short = await lab.executor.call('shorten', { to: 100 });
  expect(short.result.action.params).toEqual({ to: 10 });
  expect(short.action).toBe(canonicalDigest(short.result.action));
  expect((await lab.executor.call('shorten', { to: 10 })).cache).toBe('hit');
  expect((await lab.executor.call('shorten', { to: 100 })).cache).toBe('miss');
});

test('an error is not stored as a result', async () => {
  const lab = createLab();
  for (let i = 0; i < 2; i++) {
    expect(await failureOf(lab.executor.call('refuse', {}))).toMatchObject({ code: 'unprocessable', status: 422 });
  }
  expect(lab.bench.runs).toEqual(['refuse', 'refuse']);
});

test('an error lists every mistake in a body, with the nearest known key for an unknown key', async () => {
  const lab = createLab();
  const error = await failureOf(lab.executor.call('echo', { txt: 'a', times: 0 }));
  expect(error).toMatchObject({ code: 'invalid_input', status: 400 });
  expect(error.details.issues).toMatchInlineSnapshot(`
    [
      {
        "detail": "is missing",
        "pointer": "/text",
      },
      {
        "detail": "expected at least 1, got 0",
        "pointer": "/times",
      },
      {
        "detail": "unknown key "txt"; did you mean "text"?",
        "pointer": "/txt",
      },
    ]
  `);
});

test('unknown functions, digests and names have different errors', async () => {
  const lab = createLab();
  expect((await failureOf(lab.executor.call('eco', {}))).hint).toBe('did you mean echo?');
  const unknown = await failureOf(lab.executor.call('unpack', { document: digestOf('nobody stored this') }));
  expect(unknown).toBeInstanceOf(NotFound);
  expect(unknown.message).toContain('document: there is no blob');
  const name = await failureOf(lab.executor.call('count', { dataset: 'lettrs' }));
  expect(name.message).toBe('there is no dataset "lettrs"');
  expect((await failureOf(lab.executor.call('count', { dataset: 'sha256:abc' }))).code).toBe('invalid_input');
});

test('a name is resolved before hashing, so a name and its digest are one action', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, ['a', 'b']);
  const other = await putDataset(lab.blobs, ['c']);
  const { datasets } = createRefs(lab.store);
  const { etag } = await datasets.create('letters', { v: 1, dataset });
  const named = await lab.executor.call('count', { dataset: 'letters' });
  expect(named.result.action.inputs).toEqual({ dataset });
  expect(await lab.executor.call('count', { dataset })).toEqual({ ...named, cache: 'hit' });
  await datasets.compareAndSwap('letters', etag, { v: 1, dataset: other.dataset });
  expect((await lab.executor.call('count', { dataset: 'letters' })).cache).toBe('miss');
});

test('experiments are resolved to a checkpoint by latest and by the step of one that is kept', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, ['a']);
  const checkpoints = await Promise.all(
    ['one', 'two', 'pinned', 'first'].map(text => lab.blobs.put(Buffer.from(text))),
  );
  const [one, two, pinned, first] = checkpoints.map(ref => ref.digest);
  if (!one || !two || !pinned || !first) throw new Error('no checkpoints');
  const engine = { name: 'reference', precision: 'f32', threads: 1 } as const;
  const plan = { micro_batch: 1, gradient_checkpointing: false };
  await createRefs(lab.store).experiments.create('run', {
    ...{
      v: 2,
      config: one,
      dataset,
      engine,
      plan,
      target: 64,
      state: 'done',
      checkpoint: two,
      chunks: [],
      superseded: [],
      pinned: [{ step: 5, checkpoint: pinned, result: pinned }],
      branched_from: { experiment: 'other', step: 1, checkpoint: first, result: first },
    },
    history: [
      { step: 10, checkpoint: one, result: one },
      { step: 20, checkpoint: two, result: two },
    ],
  });
  const resolve = async (checkpoint: string) =>
    (await lab.executor.call('count', { dataset, checkpoint })).result.action.inputs.checkpoint;
  expect(await resolve('run')).toBe(two);
  expect(await resolve('run@latest')).toBe(two);
  expect(await resolve('run@10')).toBe(one);
  expect(await resolve('run@5')).toBe(pinned);
  expect(await resolve('run@1')).toBe(first);
  expect((await failureOf(resolve('run@11'))).expected).toContain('1, 5, 10, 20');
  expect((await failureOf(resolve('run@best'))).code).toBe('unprocessable');
  expect((await failureOf(resolve('run@soon'))).code).toBe('invalid_input');
  expect((await failureOf(resolve('rum'))).hint).toBe('did you mean run?');
});
