/**
 * @file The encoders of CLIP (configs/clip.ts), in the gpu-runner (gpu-runner/encoders/clip.ts). That of pictures sees
 * the middle square of the picture at 224 pixels; `cls` is its embedding. That of texts embeds a text of up to 77
 * tokens in the same space. It makes no condition of models, so the table of encoders lacks it.
 */
import { z } from 'zod';
import { CLIP_NETS, type ClipNet, clipTextName } from '../../configs/clip.ts';
import { TOKENIZERS_VERSION } from '../../formats/tokenizer.ts';
import { defineEncoder } from './encoder.ts';

export const clipEncoders = CLIP_NETS.map(({ name, dim }) =>
  defineEncoder({
    name,
    version: 1,
    reads: 'image',
    options: z.strictObject({}),
    makes: { cls: () => ({ dim }) },
    optionsOf: () => ({}),
    weights: ['model'],
    runs: 'runner',
  }),
);

export function clipTextEncoder(net: ClipNet) {
  return defineEncoder({
    name: clipTextName(net),
    version: 1,
    reads: 'caption',
    options: z.strictObject({}),
    makes: { text: () => ({ dim: net.dim, tokens: 1 }) },
    optionsOf: () => ({}),
    weights: ['model', 'tokenizer'],
    tools: { '@huggingface/tokenizers': TOKENIZERS_VERSION },
    runs: 'runner',
  });
}
