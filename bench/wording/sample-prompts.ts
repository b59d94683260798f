/** @file Pictures for prompts, encoded as the captions were. */
import type { Sampling } from '../../configs/sampling.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { KnownPortrait } from '../../data/portraits/checks.ts';
import type { FreshPrompt } from '../../data/portraits/prompts.ts';
import { widenF16 } from '../../formats/half.ts';
import type { Engine, Tensors } from '../../gpu-runner/compiler/engine.ts';
import { Sampler } from '../../gpu-runner/sampling/sampler.ts';
import { SIDE } from '../recipe/portraits.ts';
import type { BenchEncoder } from './encode-texts.ts';

/** Pictures at once. */
const CALL = 64;

export async function samplePrompts(
  engine: Engine,
  config: KeyedConfig,
  weights: Tensors,
  encoder: BenchEncoder,
  prompts: readonly FreshPrompt[],
  sampling: Sampling,
): Promise<KnownPortrait[]> {
  const sampler = new Sampler(engine, config, weights);
  const encoded = await encoder.encode(prompts.map(({ prompt }) => prompt));
  const longest = Math.max(...encoded.map(({ rows }) => rows));
  const size = 3 * SIDE ** 2;
  const made: KnownPortrait[] = [];
  for (let first = 0; first < prompts.length; first += CALL) {
    const part = encoded.slice(first, first + CALL);
    const text = new Float32Array(part.length * longest * encoder.dim);
    const mask = new Float32Array(part.length * longest);
    for (const [row, { rows, data }] of part.entries()) {
      if (data instanceof Uint16Array) widenF16(data, text, row * longest * encoder.dim);
      mask.fill(1, row * longest, row * longest + rows);
    }
    const pixels = await sampler.sample({
      ...sampling,
      conditions: {
        text: { shape: [part.length, longest, encoder.dim], dtype: 'f32', data: text },
        text_mask: { shape: [part.length, longest], dtype: 'f32', data: mask },
      },
      height: SIDE,
      width: SIDE,
      first,
    });
    for (const i of part.keys()) {
      const attributes = prompts[first + i]?.attributes;
      const data = pixels.slice(i * size, (i + 1) * size);
      if (attributes) made.push({ attributes, pixels: { data, width: SIDE, height: SIDE } });
    }
  }
  await sampler.dispose();
  return made;
}
