import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../../formats/safetensors.ts';
import { readTokenizer } from '../../../formats/tokenizer.ts';
import type { Engine } from '../../compiler/engine.ts';
import { createOnnxRuntimeEngine } from '../../engines/onnxruntime/engine.ts';
import { createReferenceEngine } from '../../engines/reference/engine.ts';
import { t5Encoder } from '../t5.ts';
import { relativeBuckets } from './relative-buckets.ts';
import { readT5 } from './t5.ts';
import { checkT5Config } from './t5-config.ts';
import { digitTokenizer, readGoldenNet, relativeError } from './testing/golden-net.ts';
import { TextPrograms } from './text-programs.ts';

const native = createOnnxRuntimeEngine({ threads: 1 });
afterAll(() => native.dispose());

const goldens = { relu: readGoldenNet('t5-relu'), 'gated-gelu': readGoldenNet('t5-gated-gelu') } as const;

async function encode(engine: Engine, kind: keyof typeof goldens, rows: readonly number[]) {
  const golden = goldens[kind];
  const programs = new TextPrograms(engine, readT5('t5-tiny', [golden.file], engine), digitTokenizer, { most: 512 });
  const made = await programs.encode(rows.map(row => ({ caption: golden.rows[row]!.join(' ') })));
  await programs.dispose();
  return rows.map((row, i) => relativeError(made[i]?.text?.data ?? [], golden.outputs[row] ?? []));
}

describe('T5', () => {
  it.each([
    ['relu', 'onnxruntime', native, [0, 1, 2]],
    ['gated-gelu', 'onnxruntime', native, [2, 0, 1]],
    // The longest row has all buckets; the reference engine is slow on it.
    ['relu', 'the reference engine', createReferenceEngine(), [1, 2]],
    ['gated-gelu', 'the reference engine', createReferenceEngine(), [1, 2]],
  ] as const)('with %s gives the hidden states of transformers on %s', async (kind, _, engine, rows) => {
    for (const error of await encode(engine, kind, rows)) expect(error).toBeLessThan(1e-5);
  });

  it('in bf16 comes near', async () => {
    const engine = { ...createReferenceEngine(), precision: 'bf16' } as const;
    for (const error of await encode(engine, 'gated-gelu', [1])) expect(error).toBeLessThan(0.02);
  });

  it('buckets of relative positions are those of transformers, up to the last distance', () => {
    // torch: T5Attention._relative_position_bucket, 32 buckets, distances 0 to 139.
    const after = [
      0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    ];
    const row = relativeBuckets(140, 32).slice(0, 140);
    expect(row.slice(0, 32)).toEqual(after.map((bucket, distance) => (distance === 0 ? 0 : 16 + bucket)));
    expect([32, 45, 46, 63, 64, 90, 91, 127, 128, 139].map(distance => row[distance])).toEqual([
      28, 28, 29, 29, 30, 30, 31, 31, 31, 31,
    ]);
    expect(relativeBuckets(3, 32)).toEqual([0, 17, 18, 1, 0, 17, 2, 1, 0]);
  });

  it('reads captions by its own tokenizer, and takes no more tokens than asked', async () => {
    const tokenizer = gunzipSync(
      readFileSync(new URL('../../../formats/testdata/unigram.tokenizer.json.gz', import.meta.url)),
    );
    // A table of as many tokens as that tokenizer has; the rest of the network stays.
    const { tensors } = decodeSafetensors(goldens.relu.file, name => !name.startsWith('golden.'));
    const table = Float32Array.from({ length: 1800 * 16 }, (_, i) => Math.sin(i));
    const model = encodeSafetensors({
      ...tensors,
      'shared.weight': { dtype: 'f32', shape: [1800, 16], data: table },
    });
    const open = await t5Encoder({ name: 't5-tiny', dim: 16 }).open(native, { tokens: 9 }, async part => [
      part === 'model' ? model : tokenizer,
    ]);
    const captions = ['red hair', 'a portrait of a person with red hair in a navy hoodie on a teal background', ''];
    const made = await open.encode(captions.map(caption => ({ caption })));
    const { encode: tokenize } = readTokenizer(tokenizer);
    expect(made.map(({ text }) => text?.shape)).toEqual([
      [tokenize('red hair', 9).length, 16],
      [9, 16],
      [1, 16],
    ]);
    await open.dispose();
  });

  it('refuses a config.json of a network with another graph', () => {
    const check = (config: object | string) =>
      checkT5Config([Buffer.from(typeof config === 'string' ? config : JSON.stringify(config))]);
    check({ feed_forward_proj: 'gated-gelu', layer_norm_epsilon: 1e-6, d_model: 16 });
    check({});
    checkT5Config([]);
    expect(() => check({ feed_forward_proj: 'gated-silu' })).toThrow('has feed_forward_proj gated-silu');
    expect(() => check({ relative_attention_max_distance: 64 })).toThrow('relative_attention_max_distance 64');
    expect(() => check({ layer_norm_epsilon: 1e-5 })).toThrow('layer_norm_epsilon 0.00001');
    expect(() => check('{')).toThrow('is not JSON');
    expect(() => check('[]')).toThrow('is not that of a T5');
  });

  it('refuses f16, weights of another size, and networks of another kind', async () => {
    const { file } = goldens.relu;
    expect(() => readT5('t5-tiny', [file], { precision: 'f16' })).toThrow('T5 does not compute in f16');
    const open = t5Encoder({ name: 't5-large', dim: 1024 }).open(native, { tokens: 512 }, async part =>
      part === 'model' ? [file] : [],
    );
    await expect(open).rejects.toThrow('the weights make vectors of 16 numbers, and t5-large has 1024');
    expect(() => readT5('t5-tiny', [readGoldenNet('bert').file], native)).toThrow('no tensor "shared.weight"');
    const { tensors } = decodeSafetensors(file, name => !name.startsWith('golden.'));
    const [bias] = Object.entries(tensors).filter(([name]) => name.includes('relative_attention_bias'));
    const own = { ...tensors, [bias![0].replace('block.0', 'block.1')]: bias![1] };
    expect(() => readT5('t5-tiny', [encodeSafetensors(own)], native)).toThrow('a bias by relative position of its own');
    const { [bias![0]]: _, ...without } = tensors;
    expect(() => readT5('t5-tiny', [encodeSafetensors(without)], native)).toThrow('no tensor "encoder.block.0.layer.0');
  });
});
