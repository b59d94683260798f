import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import { tensorOf } from '../../compiler/tensor.ts';
import { randomValues } from '../../compiler/testing/random.ts';
import { trace } from '../../compiler/trace.ts';
import { createOnnxRuntimeEngine } from './engine.ts';

let cacheFolder: string;
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'easel-programs-'));
});
afterEach(() => rm(cacheFolder, { recursive: true }));

/** A program large enough to be kept; `scale` makes it different from others. */
function program(scale: number, size = 160) {
  return trace(builder => {
    const x = builder.input('x', { shape: [4, size], dtype: 'f32' });
    const values = [...randomValues(size * size, 1)];
    return { outputs: { y: f.softmax(f.mul(f.matmul(x, builder.constant(values, [size, size])), scale)) } };
  });
}

async function run(scale = 0.5, folder = cacheFolder, size = 160): Promise<Float32Array> {
  const engine = createOnnxRuntimeEngine({ threads: 1, cacheFolder: folder });
  const executable = await engine.compile(program(scale, size));
  const x = tensorOf([4, size], randomValues(4 * size, 2));
  const { y } = await executable.run(engine.createState({}), { x });
  await executable.dispose();
  return y?.data as Float32Array;
}

const folder = () => join(cacheFolder, 'programs');
const kept = async () => (await readdir(folder())).map(name => join(folder(), name));

describe('programs on disk', () => {
  it('a program from disk gives the same results, bit by bit', async () => {
    const first = await run();
    const [path = '', ...others] = await kept();
    expect(others).toEqual([]);
    await utimes(path, 1, 1);
    const before = await readFile(path);
    expect(await run()).toEqual(first);
    expect((await stat(path)).mtimeMs).toBeGreaterThan(1000);
    expect(await readFile(path)).toEqual(before);
    await run(0.25);
    expect((await kept()).length).toBe(2);
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 7)],
    ['changed', (bytes: Buffer) => bytes.fill(0x55, 1000, 1010)],
    ['empty', () => Buffer.alloc(0)],
  ])('a program is compiled again if its file is %s', async (_, damage) => {
    const first = await run();
    const [path = ''] = await kept();
    const whole = await readFile(path);
    await writeFile(path, damage(Buffer.from(whole)));
    expect(await run()).toEqual(first);
    expect(await readFile(path)).toEqual(whole);
  });

  it('programs run if the folder cannot be written', async () => {
    const first = await run();
    expect(await run(0.5, '/dev/null/nowhere')).toEqual(first);
  });

  it('small programs are not kept', async () => {
    await run(0.5, cacheFolder, 8);
    await expect(readdir(folder())).rejects.toThrow();
  });

  it('at most 64 programs are kept, the last used ones', async () => {
    await run(1);
    const [first = ''] = await kept();
    for (let i = 2; i <= 64; i++) await run(i);
    await utimes(first, 1, 1);
    await run(65);
    const names = await kept();
    expect(names.length).toBe(64);
    expect(names).not.toContain(first);
  });
});
