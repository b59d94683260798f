/**
 * @file The text encoder `minilm-l6`: token states of all-MiniLM-L6-v2, a network that knows what English sentences
 * mean. It runs in the gpu-runner (gpu-runner/encoders/minilm-l6.ts).
 */
import { z } from 'zod';
import { TOKENIZERS_VERSION } from '../../formats/tokenizer.ts';
import { defineEncoder } from './encoder.ts';
import { TOKEN_LIMIT } from './token-limit.ts';

const DIM = 384;
/** As sentence-transformers cuts texts for it. */
const USUAL_TOKENS = 256;

export const minilmEncoder = defineEncoder({
  name: 'minilm-l6',
  version: 1,
  reads: 'caption',
  options: z.strictObject({
    tokens: z
      .int()
      .min(3)
      .max(512)
      .default(USUAL_TOKENS)
      .describe('tokens of a text that are read, [CLS] and [SEP] included'),
  }),
  makes: { text: ({ tokens }) => ({ dim: DIM, tokens }) },
  optionsOf: ({ text }) => ({ tokens: text?.tokens ?? USUAL_TOKENS }),
  weights: ['model', 'tokenizer'],
  limit: TOKEN_LIMIT,
  tools: { '@huggingface/tokenizers': TOKENIZERS_VERSION },
  runs: 'runner',
});
