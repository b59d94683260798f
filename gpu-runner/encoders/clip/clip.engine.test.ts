/** @file CLIP beside CLIPModel of transformers: a file of testdata/make-clip-goldens.py. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../../formats/safetensors.ts';
import { createOnnxRuntimeEngine } from '../../engines/onnxruntime/engine.ts';
import { createReferenceEngine } from '../../engines/reference/engine.ts';
import { CLIP_ENCODERS, keepLast } from '../clip.ts';
import type { EncoderInput } from '../encoder.ts';
import { openWeights } from '../net-weights.ts';
import { PicturePrograms } from '../picture-programs.ts';
import { digitTokenizer, relativeError } from '../text/testing/golden-net.ts';
import { TextPrograms } from '../text/text-programs.ts';
import { readImageTower } from './image-tower.ts';
import { readTextTower } from './text-tower.ts';

const file = new Uint8Array(readFileSync(new URL('testdata/clip.safetensors', import.meta.url)));
const { tensors } = decodeSafetensors(file);
const golden = (name: string) => tensors[`golden.${name}`] ?? { shape: [], data: [] };
const HEADS = 2;
const native = createOnnxRuntimeEngine({ threads: 1 });
afterAll(() => native.dispose());

const pictures = [0, 1].map((k): EncoderInput => {
  const { shape, data } = golden(`picture${k}`);
  return { image: { data: Uint8Array.from(data), height: shape[1] ?? 0, width: shape[2] ?? 0 } };
});
const captions = [0, 1, 2].map(k => ({ caption: [...golden(`ids${k}`).data].join(' ') }));
const weights = openWeights('clip', [file], { keep: name => !name.startsWith('golden.') });

describe.each([
  ['onnxruntime', native],
  ['the reference engine', createReferenceEngine()],
])('CLIP on %s', (engineName, engine) => {
  it('embeds pictures as transformers does, the middle of a larger one, too', async () => {
    const { net, state, dim } = readImageTower(weights, engine, HEADS);
    const made = await new PicturePrograms(engine, net, Object.entries(state)).encode(pictures);
    expect([dim, made[0]?.cls?.shape]).toEqual([12, [12]]);
    for (const k of [0, 1]) {
      const error = relativeError(made[k]?.cls?.data ?? [], golden(`image${k}`).data as Float32Array);
      expect(error, `${engineName} image${k}`).toBeLessThan(1e-5);
    }
    // The image processor rounds the resized picture to whole levels.
    expect(relativeError(made[1]?.cls?.data ?? [], golden('processed1').data as Float32Array)).toBeLessThan(1e-2);
  });

  it('embeds texts of different lengths in one batch as transformers does each alone', async () => {
    const net = readTextTower(weights, engine, HEADS);
    const made = await keepLast(new TextPrograms(engine, net, digitTokenizer, { most: 14, budget: 64 })).encode(
      captions,
    );
    for (const k of [0, 1, 2]) {
      expect(made[k]?.text?.shape).toEqual([1, 12]);
      expect(relativeError(made[k]?.text?.data ?? [], golden(`text${k}`).data as Float32Array)).toBeLessThan(1e-5);
    }
  });
});

describe('CLIP', () => {
  it('refuses weights of another network, and a text of more tokens than it has places', async () => {
    const open = (name: string, bytes: Uint8Array) => CLIP_ENCODERS[name]?.open(native, {}, async () => [bytes]);
    await expect(open('clip-vitb32', encodeSafetensors({}))).rejects.toThrow('have no tensor "vision_model');
    await expect(open('clip-vitb32-text', encodeSafetensors({}))).rejects.toThrow('have no tensor "text_model');
    await expect(open('clip-vitb32', file)).rejects.toThrow('16 numbers');
    const net = readTextTower(weights, native, HEADS);
    expect(() => net.embed(new Array(15).fill(1), new Float32Array(15 * 16))).toThrow('has places for 14 tokens');
    expect(() => net.embed([50], new Float32Array(16))).toThrow('has 50 tokens');
  });
});
