import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runsTier } from '../../../../test/tiers.ts';
import { type Tensor, tensorOf } from '../../../compiler/tensor.ts';
import { findPlugin } from '../library.ts';
import { XlaError } from './calls.ts';
import { XlaClient } from './client.ts';
import { encodeCompileOptions } from './compile-options.ts';
import { openPlugin } from './plugin.ts';

const found = findPlugin('cpu');
const runs = runsTier('xla', found.missing);

it('a file that is not a plugin is refused with the reason', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'easel-xla-')), 'plugin.so');
  await writeFile(path, 'text'.repeat(99));
  await expect(openPlugin(path)).rejects.toThrow(/plugin.so is not a usable plugin of XLA: .*invalid ELF header/);
  await expect(openPlugin('/nowhere/plugin.so')).rejects.toThrow('cannot open shared object file');
});

const OPTIONS = encodeCompileOptions();
const V = { shape: [4], dtype: 'f32' } as const;

/** A module whose main function has this signature and body. */
function moduleOf(parameters: string, results: string, body: string): string {
  return `module @m {\n func.func public @main(${parameters}) -> (${results}) {\n${body}\n }\n}`;
}
const T = 'tensor<4xf32>';
const DOUBLE = moduleOf(`%x: ${T}`, T, `  %y = stablehlo.add %x, %x : ${T}\n  return %y : ${T}`);
const STEP = moduleOf(
  `%w: ${T} {tf.aliasing_output = 0 : i32}, %x: ${T}`,
  `${T}, ${T}`,
  `  %y = stablehlo.add %w, %x : ${T}\n  return %y, %w : ${T}, ${T}`,
);

describe.skipIf(!runs)('a client of XLA', () => {
  let client: XlaClient;
  beforeAll(async () => {
    client = await openClient();
  });
  afterAll(() => client.dispose());

  async function openClient(): Promise<XlaClient> {
    return XlaClient.open(await openPlugin(found.path ?? ''), { cpu_device_count: 1n });
  }
  async function read({ read }: { read(into: Float32Array): Promise<void> }, of: object): Promise<number[]> {
    const values = new Float32Array(4);
    await read.call(of, values);
    return [...values];
  }
  const valuesOf = (buffer: ReturnType<XlaClient['upload']>) => read(buffer, buffer);

  it('a client tells its platform and devices; the CPU does not count memory', () => {
    expect(client.platform).toBe('cpu');
    expect(client.devices.map(({ kind }) => kind)).toEqual(['cpu']);
    expect(client.device.readMemory()).toBeUndefined();
    expect(client.plugin.attributes.stablehlo_current_version).toHaveLength(3);
  });

  it('a program takes the memory of a donated argument, and the argument is dead', async () => {
    const program = await client.compile(STEP, OPTIONS);
    const [w, x] = [client.upload(tensorOf([4], [1, 2, 3, 4])), client.upload(tensorOf([4], [1, 1, 1, 1]))];
    const before = w.deviceAddress;
    const { results, done } = program.run([w, x], [V, V]);
    const [next, old] = results;
    if (next === undefined || old === undefined) throw new Error('a result is missing');
    await done;
    expect([w.isDonated, x.isDonated]).toEqual([true, false]);
    expect(next.deviceAddress).toBe(before);
    expect(await valuesOf(next)).toEqual([2, 3, 4, 5]);
    // The program copies the old value, since both are asked for.
    expect(await valuesOf(old)).toEqual([1, 2, 3, 4]);
    expect(() => program.run([w, x], [V, V])).toThrow('Buffer has been deleted or donated');
    expect(program.memory).toMatchObject({ arguments: 32, aliased: 16 });
    w.dispose();
    w.dispose();
    expect(() => w.handle).toThrow('used after it was freed');
  });

  it('queued programs read the results of earlier ones that have not run', async () => {
    const program = await client.compile(DOUBLE, OPTIONS);
    let buffer = client.upload(tensorOf([4], [1, 2, 3, 4]));
    for (let i = 0; i < 10; i++) {
      const [next] = program.run([buffer], [V]).results;
      buffer.dispose();
      if (next) buffer = next;
    }
    expect(await valuesOf(buffer)).toEqual([1024, 2048, 3072, 4096]);
  });

  it('a fed array may change after the transfer, an uploaded array at once', async () => {
    const fed = tensorOf([4], [1, 2, 3, 4]);
    const { buffer, sent } = client.feed(fed);
    await sent;
    fed.data.fill(0);
    const given = tensorOf([4], [5, 6, 7, 8]);
    const uploaded = client.upload(given);
    given.data.fill(0);
    expect(await valuesOf(buffer)).toEqual([1, 2, 3, 4]);
    expect(await valuesOf(uploaded)).toEqual([5, 6, 7, 8]);
  });

  it('scalars, empty tensors and every type survive the way to the device and back', async () => {
    const tensors: Tensor[] = [
      { shape: [], dtype: 'f32', data: Float32Array.of(0.5) },
      { shape: [0, 3], dtype: 'f32', data: new Float32Array() },
      { shape: [2], dtype: 'bf16', data: Uint16Array.of(0x3f80, 0x4000) },
      { shape: [2], dtype: 'f16', data: Uint16Array.of(0x3c00, 0x4000) },
      { shape: [2, 1], dtype: 'i32', data: Int32Array.of(-5, 7) },
      { shape: [3], dtype: 'bool', data: Uint8Array.of(1, 0, 1) },
    ];
    for (const tensor of tensors) {
      const buffer = client.upload(tensor);
      const back = tensor.data.slice().fill(0);
      await buffer.read(back);
      expect(back).toEqual(tensor.data);
      buffer.dispose();
    }
    expect(() => client.upload({ shape: [2], dtype: 'f32', data: new Float32Array(3) })).toThrow('3 numbers are not');
    await expect(client.upload(tensorOf([4], [1, 2, 3, 4])).read(new Float32Array(3))).rejects.toThrow('12 bytes');
  });

  it('a serialized program runs in another client; bytes that are no program are refused', async () => {
    const bytes = (await client.compile(DOUBLE, OPTIONS)).serialize();
    const other = await openClient();
    const program = await other.load(bytes);
    const [result] = program.run([other.upload(tensorOf([4], [1, 2, 3, 4]))], [V]).results;
    expect(result && (await valuesOf(result))).toEqual([2, 4, 6, 8]);
    await other.dispose();
    expect(() => program.serialize()).toThrow('used after it was freed');
    await expect(client.load(Buffer.from('text'))).rejects.toThrow(XlaError);
  });

  it('errors name the place in the text, the option, or the argument', async () => {
    await expect(client.compile('module {\n nonsense\n}', OPTIONS)).rejects.toThrow(/2:2: error: custom op 'nonsense'/);
    const flags = encodeCompileOptions({ flags: { xla_no_such_flag: true } });
    await expect(client.compile(DOUBLE, flags)).rejects.toThrow(/xla_no_such_flag/);
    await expect(XlaClient.open(client.plugin, { nonsense: true })).rejects.toThrow('nonsense');
    const program = await client.compile(DOUBLE, OPTIONS);
    expect(() => program.run([client.upload(tensorOf([3], [1, 2, 3]))], [V])).toThrow(/size 16 .* but got/);
  });

  it('memory lives through calls in other threads while the garbage collector runs', async () => {
    const script = `
      import { openPlugin } from '${new URL('./plugin.ts', import.meta.url)}';
      import { XlaClient } from '${new URL('./client.ts', import.meta.url)}';
      import { encodeCompileOptions } from '${new URL('./compile-options.ts', import.meta.url)}';
      const client = await XlaClient.open(await openPlugin(process.argv[1]), { cpu_device_count: 1n });
      const collecting = setInterval(() => gc(), 1);
      const text = ${JSON.stringify(DOUBLE)};
      const programs = await Promise.all(Array.from({ length: 8 }, () => client.compile(text, encodeCompileOptions())));
      let sum = 0;
      for (const program of programs) {
        const [y] = program.run([client.upload({ shape: [4], dtype: 'f32', data: Float32Array.of(1, 2, 3, 4) })], [
          { shape: [4], dtype: 'f32' },
        ]).results;
        const values = new Float32Array(4);
        await y.read(values);
        sum += values[3];
      }
      clearInterval(collecting);
      console.log(sum);`;
    const args = ['--expose-gc', '--input-type=module-typescript', '--eval', script, found.path ?? ''];
    // The process ends by itself, with the client open: a plugin that is not pinned crashes it then.
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe('64\n');
  });
});
