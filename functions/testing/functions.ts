/** @file Small functions for tests of the executor: they count their runs, and can be held, broken and stopped. */
import { z } from 'zod';
import { AppError, InvalidInput, Unprocessable } from '../../errors.ts';
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { type Digest, digestOf, hexOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { type Dataset, digestSchema, type Item, PAGE_SIZE } from '../../storage/records.ts';
import type { BlobStore, ObjectStore, StreamedBlobStore } from '../../storage/types.ts';
import { type AnyFunction, type CallAnswer, defineFunction, definePageFunction } from '../define.ts';
import { createExecutor, type Executor } from '../execution/executor.ts';
import { outputOf } from '../execution/output-of.ts';
import type { TaskPool } from '../execution/pool.ts';
import { report } from '../report.ts';

/** The functions of a test, with a log of their runs. */
export interface Bench {
  readonly runs: string[];
  readonly functions: readonly AnyFunction[];
  /** Runs of `slow` wait for it. */
  gate: PromiseWithResolvers<void>;
  /** `upper` fails when it meets an item of this name. */
  poison: string | undefined;
}

export function createBench(): Bench {
  const runs: string[] = [];
  const bench: Bench = { runs, functions: [], gate: Promise.withResolvers(), poison: undefined };
  const functions: AnyFunction[] = [
    defineFunction({
      name: 'echo',
      summary: 'Stores its text.',
      version: 1,
      kind: 'pure',
      example: { text: 'hello' },
      input: z.strictObject({ text: z.string(), times: z.int().min(1).default(1), note: z.string().optional() }),
      async run(ctx, { text, times }) {
        runs.push(`echo ${text}`);
        ctx.progress({ phase: 'echo', done: times, total: times });
        return { outputs: { text: await ctx.blobs.put(Buffer.from(text.repeat(times)), 'text/plain') } };
      },
    }),
    defineFunction({
      name: 'slow',
      summary: 'Waits for its gate.',
      version: 1,
      kind: 'pure',
      example: { text: 'hello' },
      input: z.strictObject({ text: z.string() }),
      async run(ctx, { text }) {
        runs.push(`slow ${text}`);
        ctx.progress({ phase: 'waiting', done: 0, total: 1 });
        const stopped = Promise.withResolvers<never>();
        ctx.signal.addEventListener('abort', () => stopped.reject(ctx.signal.reason));
        await Promise.race([bench.gate.promise, stopped.promise]);
        ctx.progress({ phase: 'finished', done: 1, total: 1 });
        return { outputs: { text: await ctx.blobs.put(Buffer.from(text), 'text/plain') } };
      },
    }),
    defineFunction({
      name: 'shorten',
      summary: 'Does less than it was asked for, and says so.',
      version: 1,
      kind: 'pure',
      example: { to: 100 },
      input: z.strictObject({ to: z.int() }),
      async run(ctx, { to }) {
        runs.push(`shorten ${to}`);
        const done = Math.min(to, 10);
        const outputs = { text: await ctx.blobs.put(Buffer.from(`${done} steps`), 'text/plain') };
        return { outputs, ...(done < to && { params: { to: done } }) };
      },
    }),
    defineFunction({
      name: 'pack',
      summary: 'Makes a document that links a nested blob.',
      version: 1,
      kind: 'pure',
      example: { text: 'hello' },
      input: z.strictObject({ text: z.string() }),
      async run(ctx, { text }) {
        runs.push(`pack ${text}`);
        const nested = await ctx.blobs.put(Buffer.from(`nested ${text}`), 'text/plain');
        const document = Buffer.from(JSON.stringify({ v: 1, nested: nested.digest, links: [nested.digest] }));
        return { outputs: { document: await ctx.blobs.put(document, 'application/json') }, links: [nested.digest] };
      },
    }),
    defineFunction({
      name: 'unpack',
      summary: 'Reads the nested blob of a document.',
      version: 1,
      kind: 'pure',
      digests: { document: 'blob' },
      example: { document: digestOf('') },
      input: z.strictObject({ document: digestSchema }),
      async run(ctx, { document }) {
        runs.push('unpack');
        const { nested } = JSON.parse(Buffer.from(await ctx.blobs.get(document)).toString());
        return { outputs: { text: await ctx.blobs.put(await ctx.blobs.get(nested), 'text/plain') } };
      },
    }),
    defineFunction({
      name: 'refuse',
      summary: 'Always refuses.',
      version: 1,
      kind: 'pure',
      example: {},
      input: z.strictObject({ defect: z.boolean().default(false) }),
      async run(_, { defect }) {
        runs.push('refuse');
        if (defect) throw new TypeError('x is not a function');
        throw new Unprocessable('it cannot be done', { expected: 'something else', hint: 'do something else' });
      },
    }),
    defineFunction({
      name: 'count',
      summary: 'Counts the items of a dataset.',
      version: 1,
      kind: 'pure',
      digests: { dataset: 'dataset', checkpoint: 'experiment' },
      example: { dataset: 'letters' },
      input: z.strictObject({ dataset: digestSchema, checkpoint: digestSchema.optional() }),
      async run(ctx, { dataset }) {
        runs.push('count');
        return { outputs: { copy: await ctx.blobs.put(await ctx.blobs.get(dataset), 'application/json') } };
      },
    }),
    defineFunction({
      name: 'work',
      summary: 'An effect that calls slow, twice.',
      version: 1,
      kind: 'effect',
      example: { name: 'a' },
      input: z.strictObject({ name: z.string(), fail: z.boolean().default(false) }),
      key: ({ name }) => name,
      async run(ctx, { name, fail }) {
        runs.push(`work ${name}`);
        if (fail) throw new InvalidInput('the effect refuses');
        const first = await ctx.call('slow', { text: `${name} 1` });
        const second = await ctx.call('slow', { text: `${name} 2` });
        return { name, texts: [first, second].map(({ result }) => result.outputs.text?.digest ?? null) };
      },
    }),
    defineFunction({
      name: 'outer',
      summary: 'An effect that runs another.',
      version: 1,
      kind: 'effect',
      example: { name: 'a' },
      input: z.strictObject({ name: z.string() }),
      key: ({ name }) => name,
      async run(ctx, { name }) {
        return { inner: await ctx.callEffect('work', { name }) };
      },
    }),
    definePageFunction({
      name: 'upper',
      summary: 'Adds a caption: the name in upper case.',
      version: 1,
      example: { dataset: 'letters' },
      needs: [],
      adds: ['caption'],
      input: z.strictObject({ mark: z.string().default('!') }),
      async run(_, { items }, { mark }) {
        runs.push(`upper ${items[0]?.name}`);
        if (items.some(item => item.name === bench.poison)) throw new Unprocessable(`cannot read ${bench.poison}`);
        return {
          columns: {
            caption: new Map(
              items.map(item => [`${item.id}.caption.txt`, Buffer.from(item.name.toUpperCase() + mark)]),
            ),
          },
          // Any code on captions.
          notes: [
            { code: 'caption_missing', items: items.map(({ id, name }) => ({ id, name, amount: 1, text: mark })) },
          ],
        };
      },
    }),
    definePageFunction({
      name: 'measure',
      summary: 'Adds the lengths of the captions.',
      version: 1,
      example: { dataset: 'letters' },
      needs: ['caption'],
      adds: ['text', 'cls'],
      encoders: () => ({ text: { name: 'length', dim: 1, tokens: 1 } }),
      input: z.strictObject({}),
      async run(_, { items, columns }) {
        runs.push(`measure ${items[0]?.name}`);
        const lengths = [...(columns.caption ?? [])].map(([name, body]) => [name, Uint8Array.of(body.length)] as const);
        return {
          columns: {
            text: new Map(lengths.map(([name, body]) => [name.replace('.caption.txt', '.text.npy'), body])),
            cls: new Map(lengths.map(([name, body]) => [name.replace('.caption.txt', '.cls.npy'), body])),
          },
          stats: { longest: Math.max(0, ...lengths.map(([, body]) => body[0] ?? 0)) },
        };
      },
    }),
  ];
  return Object.assign(bench, { functions });
}

/** A dataset whose items are called as given, in pages of 64; each original is its name. */
export async function putDataset(
  blobs: BlobStore,
  names: readonly string[],
): Promise<{ dataset: Digest; document: Dataset }> {
  const pages: Dataset['pages'] = [];
  const originals: Digest[] = [];
  for (let at = 0; at < names.length; at += PAGE_SIZE) {
    const items: Item[] = [];
    for (const name of names.slice(at, at + PAGE_SIZE)) {
      const { digest } = await blobs.put(Buffer.from(name), 'text/plain');
      originals.push(digest);
      items.push({ id: hexOf(digest).slice(0, 16), name, original: digest, split: 'train', cluster: 'c' });
    }
    const lines = items.map(item => `${JSON.stringify(item)}\n`).join('');
    pages.push({ items: (await blobs.put(Buffer.from(lines), 'application/jsonl')).digest, columns: {} });
  }
  const document: Dataset = {
    v: 1,
    kind: 'dataset',
    pages,
    removed: [],
    encoders: {},
    counts: { items: names.length },
    rejects: [],
    links: [...pages.map(page => page.items), ...originals],
  };
  const { digest } = await putDocument(blobs, document);
  return { dataset: digest, document };
}

export const noRunner: RunnerClient = {
  run: () => Promise.reject(new InvalidInput('these tests have no runner')),
  status: () => Promise.reject(new InvalidInput('these tests have no runner')),
};

export const noPool: TaskPool = {
  run: () => Promise.reject(new InvalidInput('these tests have no pool')),
  close: () => Promise.resolve(),
};

export interface Lab {
  readonly store: ObjectStore;
  readonly blobs: StreamedBlobStore;
  readonly bench: Bench;
  readonly executor: Executor;
}

/** An executor over a store; several labs over one store are several servers. */
export function createLab(
  given: { readonly store?: ObjectStore; readonly bench?: Bench; readonly concurrency?: number } = {},
): Lab {
  const store = given.store ?? createMemoryStore();
  const blobs = createBlobStore(store);
  const bench = given.bench ?? createBench();
  const executor = createExecutor({
    store,
    blobs,
    // Who names a dataset gets a report of it in its view.
    registry: [...bench.functions, report],
    runner: noRunner,
    pool: noPool,
    importRoots: [],
    clock: SYSTEM_CLOCK,
    concurrency: given.concurrency ?? 2,
  });
  return { store, blobs, bench, executor };
}

/** The error of a call that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw error;
  return error;
}

/** The content of the output `text`. */
export async function textOf(lab: Lab, answer: CallAnswer): Promise<string> {
  return Buffer.from(await lab.blobs.get(outputOf(answer.result, 'text'))).toString();
}
