/** @file Pictures for fresh captions, from the same noise for all arms. */
import { type Sampling, samplingSchema } from '../../configs/sampling.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { KnownPortrait } from '../../data/portraits/checks.ts';
import { encodeWords, WORDS_ENCODER } from '../../functions/encoders/words.ts';
import type { Engine, Tensors } from '../../gpu-runner/compiler/engine.ts';
import { type SampleConditions, Sampler } from '../../gpu-runner/sampling/sampler.ts';
import { type Portraits, SIDE } from './portraits.ts';

const SEED = 1;

/** Ways to sample the portraits of an arm. Arms are compared by the first; the second is that of the preset. */
export const SAMPLINGS: Readonly<Record<string, Partial<Sampling>>> = {
  'guidance-1.5': { guidance: 1.5 },
  'guidance-2.25-between': { guidance: 2.25, guidance_interval: [0.1, 0.9] },
};

export const samplingWith = (changes: Partial<Sampling>): Sampling => samplingSchema.parse({ seed: SEED, ...changes });

export async function samplePortraits(
  engine: Engine,
  { config, weights }: { readonly config: KeyedConfig; readonly weights: Tensors },
  prompts: Portraits['prompts'],
  sampling: Sampling,
): Promise<KnownPortrait[]> {
  const sampler = new Sampler(engine, config, weights);
  const conditions = encodePrompts(prompts.map(({ prompt }) => prompt));
  const pixels = await sampler.sample({ ...sampling, conditions, height: SIDE, width: SIDE, first: 0 });
  await sampler.dispose();
  const size = 3 * SIDE ** 2;
  return prompts.map(({ attributes }, i) => {
    const data = pixels.subarray(i * size, (i + 1) * size);
    return { attributes, pixels: { data, width: SIDE, height: SIDE } };
  });
}

function encodePrompts(prompts: readonly string[]): SampleConditions {
  const { tokens, dim } = WORDS_ENCODER;
  const text = new Float32Array(prompts.length * tokens * dim);
  const mask = new Float32Array(prompts.length * tokens);
  for (const [row, prompt] of prompts.entries()) {
    const words = encodeWords(prompt);
    text.set(words.data, row * tokens * dim);
    mask.fill(1, row * tokens, row * tokens + words.tokens);
  }
  return {
    text: { shape: [prompts.length, tokens, dim], dtype: 'f32', data: text },
    text_mask: { shape: [prompts.length, tokens], dtype: 'f32', data: mask },
  };
}
