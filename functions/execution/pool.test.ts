import { afterEach, expect, test } from 'vitest';
import { AppError, Unprocessable } from '../../errors.ts';
import { createPool, type PoolOptions, type TaskPool } from './pool.ts';

let pool: TaskPool | undefined;

function open(options: PoolOptions = {}): TaskPool {
  pool = createPool({ size: 2, tasks: new URL('../testing/pool-tasks.ts', import.meta.url), ...options });
  return pool;
}

afterEach(async () => {
  await pool?.close();
  pool = undefined;
});

async function errorOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${String(error)}`);
  return error;
}

test('tasks run on several threads, and each caller gets its own value', async () => {
  const tasks = open();
  const values = await Promise.all(Array.from({ length: 50 }, (_, value) => tasks.run<number>('double', { value })));
  expect(values).toEqual(Array.from({ length: 50 }, (_, value) => value * 2));
  const threads = await Promise.all(Array.from({ length: 8 }, () => tasks.run<number>('thread', {})));
  expect(new Set(threads).size).toBe(2);
});

test('large buffers are moved, small ones are copied', async () => {
  const answer = await open().run<{ members: Map<string, Uint8Array>; small: Uint8Array }>('bytes', {
    length: 100_000,
  });
  expect(answer.members.get('a.bin')?.byteLength).toBe(100_000);
  expect(answer.members.get('a.bin')?.[99_999]).toBe(7);
  expect(Buffer.from(answer.small).toString()).toBe('small');
});

test('an AppError keeps its code, status, expectation, hint and details', async () => {
  const error = await errorOf(open().run('refuse', {}));
  expect(error).toBeInstanceOf(Unprocessable);
  expect(error).toMatchObject({
    code: 'unprocessable',
    status: 422,
    message: 'the picture does not decode',
    expected: 'a PNG',
    hint: 'save it again',
    details: { id: 'a1' },
  });
});

test('any other error is internal and keeps its message; an error names an unknown task', async () => {
  const tasks = open();
  expect(await errorOf(tasks.run('defect', {}))).toMatchObject({ code: 'internal', status: 500 });
  expect((await errorOf(tasks.run('nothing', {}))).message).toContain('"nothing"');
});

test('an input that cannot be copied fails its task and leaves the worker free', async () => {
  const tasks = open({ size: 1 });
  expect(await errorOf(tasks.run('double', { value: () => {} }))).toMatchObject({ code: 'internal' });
  expect(await tasks.run<number>('double', { value: 4 })).toBe(8);
});

test('a worker that crashes fails its task only and is replaced', async () => {
  const tasks = open({ size: 1 });
  const [crashed, after] = await Promise.all([
    errorOf(tasks.run('crash', {})),
    tasks.run<number>('double', { value: 21 }),
  ]);
  expect(crashed).toMatchObject({ code: 'internal' });
  expect(crashed.message).toContain('crash');
  expect(after).toBe(42);
});

test('the queue is bounded and a queued task can be cancelled', async () => {
  const tasks = open({ size: 1, maxQueue: 1 });
  const running = tasks.run<number>('thread', {});
  const controller = new AbortController();
  const queued = errorOf(tasks.run('thread', {}, controller.signal));
  expect(await errorOf(tasks.run('thread', {}))).toMatchObject({ code: 'busy', status: 503 });
  controller.abort();
  expect(await queued).toMatchObject({ code: 'cancelled' });
  expect(await running).toBeTypeOf('number');
});

test('closing fails the tasks under way', async () => {
  const tasks = open({ size: 1 });
  const running = errorOf(tasks.run('thread', {}));
  await tasks.close();
  expect(await running).toMatchObject({ code: 'cancelled' });
});
