import { afterAll, describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../../formats/safetensors.ts';
import type { Engine } from '../../compiler/engine.ts';
import { createOnnxRuntimeEngine } from '../../engines/onnxruntime/engine.ts';
import { createReferenceEngine } from '../../engines/reference/engine.ts';
import { readBert } from './bert.ts';
import { digitTokenizer, readGoldenNet, relativeError } from './testing/golden-net.ts';
import { TextPrograms } from './text-programs.ts';

const golden = readGoldenNet('bert');
const NET = { heads: 2, eps: 1e-12 };
const native = createOnnxRuntimeEngine({ threads: 1 });
afterAll(() => native.dispose());

const captions = golden.rows.map(ids => ({ caption: ids.join(' ') }));

function open(engine: Engine, { file = golden.file, most = 512, budget = 64 } = {}) {
  return new TextPrograms(engine, readBert('bert', [file], engine, NET), digitTokenizer, { most, budget });
}

describe('BERT', () => {
  it.each([
    ['onnxruntime', native],
    ['the reference engine', createReferenceEngine()],
  ])('gives the token states of transformers on %s', async (_, engine) => {
    const made = await open(engine).encode(captions);
    expect(made.map(({ text }) => text?.shape)).toEqual(golden.rows.map(({ length }) => [length, 16]));
    for (const [row, output] of golden.outputs.entries()) {
      expect(relativeError(made[row]?.text?.data ?? [], output)).toBeLessThan(1e-5);
    }
  });

  it('gives a text in a batch what it gives the text alone, and the same bits again', async () => {
    const programs = open(native, { budget: 512 });
    expect(programs.split(captions).map(({ places }) => places)).toEqual([[0, 1], [2]]);
    const mixed = [2, 1, 2, 0, 1, 1, 0].map(row => captions[row]!);
    const together = await programs.encode(mixed);
    for (const [i, input] of mixed.entries()) {
      const [alone] = await programs.encode([input]);
      expect(relativeError(together[i]?.text?.data ?? [], alone?.text?.data ?? [])).toBeLessThan(1e-5);
    }
    expect(await programs.encode(mixed)).toEqual(together);
  });

  it('reads weights that are in several files, and refuses a tensor that is in two', async () => {
    const { tensors } = decodeSafetensors(golden.file, name => !name.startsWith('golden.'));
    const files = [0, 1].map(part =>
      encodeSafetensors(Object.fromEntries(Object.entries(tensors).filter((_, i) => i % 2 === part))),
    );
    const programs = new TextPrograms(native, readBert('bert', files, native, NET), digitTokenizer, { most: 512 });
    const [{ text } = {}] = await programs.encode(captions.slice(1, 2));
    expect(relativeError(text?.data ?? [], golden.outputs[1] ?? [])).toBeLessThan(1e-5);
    expect(() => readBert('bert', [golden.file, files[0]!], native, NET)).toThrow('twice');
  });

  it('refuses weights without a tensor, a text of more tokens than it has places, and a picture', async () => {
    expect(() => readBert('bert', [encodeSafetensors({})], native, NET)).toThrow(
      'no tensor "embeddings.word_embeddings.weight"',
    );
    expect(() => readBert('bert', [golden.file], native, { ...NET, heads: 3 })).toThrow('do not fall into 3 heads');
    const long = { caption: new Array(49).fill('1').join(' ') };
    await expect(open(native).encode([long])).rejects.toThrow('places for 48 tokens, not 49');
    await expect(open(native).encode([{ caption: '30' }])).rejects.toThrow('has 30 tokens, the tokenizer more');
    const picture = { image: { data: new Uint8Array(3), height: 1, width: 1 } };
    await expect(open(native).encode([picture])).rejects.toThrow('reads captions, not pictures');
    const [{ text } = {}] = await open(native, { most: 20 }).encode([long]);
    expect(text?.shape).toEqual([20, 16]);
  });
});
