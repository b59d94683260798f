import { beforeEach, describe, expect, it } from 'vitest';
import { Corrupt, InvalidInput, PreconditionFailed } from '../../errors.ts';
import { digestOf } from '../digest.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import type { DatasetHead } from '../records.ts';
import type { ObjectStore } from '../types.ts';
import { createRefs, type Refs, refKey } from './refs.ts';

const headOf = (text: string): DatasetHead => ({ v: 1, dataset: digestOf(text) });

describe('names', () => {
  let store: ObjectStore;
  let refs: Refs;
  beforeEach(() => {
    store = createMemoryStore();
    refs = createRefs(store);
  });

  it('can be created once, read, replaced and deleted', async () => {
    expect(await refs.datasets.read('portraits')).toBeUndefined();
    const created = await refs.datasets.create('portraits', headOf('a'));
    expect(await refs.datasets.read('portraits')).toMatchObject({ value: headOf('a'), etag: created.etag });
    await expect(refs.datasets.create('portraits', headOf('b'))).rejects.toBeInstanceOf(PreconditionFailed);
    const swapped = await refs.datasets.compareAndSwap('portraits', created.etag, headOf('b'));
    await expect(refs.datasets.compareAndSwap('portraits', created.etag, headOf('c'))).rejects.toBeInstanceOf(
      PreconditionFailed,
    );
    expect(await refs.datasets.read('portraits')).toMatchObject(swapped);
    await refs.datasets.delete('portraits');
    await refs.datasets.delete('portraits');
    expect(await refs.datasets.read('portraits')).toBeUndefined();
    await expect(refs.datasets.compareAndSwap('portraits', swapped.etag, headOf('d'))).rejects.toBeInstanceOf(
      PreconditionFailed,
    );
  });

  it('lie under their kind and are listed by kind', async () => {
    for (const name of ['b', 'a', 'a-2', 'a.b']) await refs.datasets.create(name, headOf(name));
    expect(await refs.datasets.list()).toEqual(['a', 'a-2', 'a.b', 'b']);
    expect(await refs.experiments.list()).toEqual([]);
    expect((await store.list('')).objects.map(object => object.key)).toContain('refs/datasets/a-2.json');
  });

  it('lists more than one page of names', async () => {
    const names = Array.from({ length: 1100 }, (_, i) => `n${String(i).padStart(4, '0')}`);
    await Promise.all(names.map(name => refs.datasets.create(name, headOf(name))));
    expect(await refs.datasets.list()).toEqual(names);
  });

  it('have names that are safe everywhere', async () => {
    for (const name of ['', '..', 'a/b', 'A', '-a', '.a', 'a'.repeat(64), 'ä', 'a b']) {
      await expect(refs.datasets.read(name), name).rejects.toBeInstanceOf(InvalidInput);
      await expect(refs.datasets.create(name, headOf('x')), name).rejects.toBeInstanceOf(InvalidInput);
      await expect(refs.datasets.delete(name), name).rejects.toBeInstanceOf(InvalidInput);
    }
  });

  it('of a version that is not known are named with it', async () => {
    const key = refKey('datasets', 'new');
    await store.put(key, Buffer.from(JSON.stringify({ ...headOf('x'), v: 2 })));
    await expect(refs.datasets.read('new')).rejects.toThrow(`"${key}" cannot be read: unknown version 2`);
    await store.put(key, Buffer.from('{}'));
    await expect(refs.datasets.read('new')).rejects.toThrow('version none');
    for (const damaged of ['', '[1]', '\xff', JSON.stringify({ v: 1, dataset: 'x' })]) {
      await store.put(key, Buffer.from(damaged, 'latin1'));
      await expect(refs.datasets.read('new'), damaged).rejects.toBeInstanceOf(Corrupt);
    }
  });

  it('lose no change of many writers', async () => {
    await refs.datasets.create('x', headOf('0'));
    const order: string[] = [];
    const swap = async (writer: number) => {
      for (;;) {
        const current = await refs.datasets.read('x');
        if (!current) throw new Error('gone');
        try {
          await refs.datasets.compareAndSwap('x', current.etag, headOf(`${writer}`));
          order.push(current.value.dataset);
          return;
        } catch (error) {
          if (!(error instanceof PreconditionFailed)) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => swap(i + 1)));
    // Each version was the predecessor of one other.
    expect(new Set(order).size).toBe(20);
  });

  describe('of experiments', () => {
    const kept = (step: number) => ({ step, checkpoint: digestOf(`${step}`), result: digestOf(`action ${step}`) });
    const common = {
      checkpoint: digestOf('8'),
      config: digestOf('config'),
      dataset: digestOf('dataset'),
      target: 64,
      state: 'paused',
      history: [kept(4), kept(8)],
      superseded: [kept(2)],
    };
    const engine = { name: 'reference', precision: 'f32', threads: 1 };
    const plan = { micro_batch: 4, gradient_checkpointing: false };
    const chunks = [
      { from: 0, to: 4, log: digestOf('log'), previews: digestOf('previews') },
      { from: 4, to: 8, log: digestOf('log') },
    ];

    it('reads heads of version 1 as version 2, with previews as artifacts and the plan apart', async () => {
      const put = (head: object) => store.put(refKey('experiments', 'old'), Buffer.from(JSON.stringify(head)));
      await put({ v: 1, ...common, engine: { ...engine, micro_batch: 4 }, chunks });
      const read = await refs.experiments.read('old');
      expect(read?.value).toEqual({
        v: 2,
        ...common,
        engine,
        plan,
        chunks: [
          { from: 0, to: 4, log: digestOf('log'), artifacts: { preview: digestOf('previews') } },
          { from: 4, to: 8, log: digestOf('log'), artifacts: {} },
        ],
        pinned: [],
      });
      if (read) await refs.experiments.compareAndSwap('old', read.etag, read.value);
      expect((await refs.experiments.read('old'))?.value).toEqual(read?.value);
      const tight = { micro_batch: 2, gradient_checkpointing: true };
      await put({ v: 1, ...common, engine: { ...engine, ...tight } });
      expect((await refs.experiments.read('old'))?.value).toMatchObject({ engine, plan: tight });
    });

    it('refuses heads of one version with keys of the other', async () => {
      const put = (head: object) => store.put(refKey('experiments', 'odd'), Buffer.from(JSON.stringify(head)));
      await put({ v: 2, ...common, engine, plan, chunks });
      await expect(refs.experiments.read('odd')).rejects.toThrow(/chunks\.0/);
      await put({ v: 2, ...common, engine: { ...engine, ...plan }, plan });
      await expect(refs.experiments.read('odd')).rejects.toThrow('engine: micro_batch does not belong to an engine');
      await put({ v: 3, ...common, engine, plan, chunks: [] });
      await expect(refs.experiments.read('odd')).rejects.toThrow('unknown version 3');
    });
  });
});
