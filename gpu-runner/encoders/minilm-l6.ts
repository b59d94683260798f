/** @file The text encoder `minilm-l6` on an engine: all-MiniLM-L6-v2, a BERT of 6 layers (arXiv 2002.10957). */
import { z } from 'zod';
import { Unprocessable } from '../../errors.ts';
import { readTokenizer } from '../../formats/tokenizer.ts';
import type { RunnerEncoder } from './encoder.ts';
import { readBert } from './text/bert.ts';
import { TextPrograms } from './text/text-programs.ts';

const MINILM = { heads: 12, eps: 1e-12 } as const;
const DIM = 384;

const optionsSchema = z.strictObject({ tokens: z.int().min(3).max(512) });

export const minilmL6: RunnerEncoder = {
  version: 1,
  signals: ['text'],
  batch: 64,
  async open(engine, options, readWeights) {
    const { tokens } = optionsSchema.parse(options);
    const [tokenizer] = await readWeights('tokenizer');
    const net = readBert('minilm-l6', await readWeights('model'), engine, MINILM);
    if (net.dim !== DIM) {
      throw new Unprocessable(`the weights make vectors of ${net.dim} numbers`, { expected: `${DIM}, as minilm-l6` });
    }
    return new TextPrograms(engine, net, readTokenizer(tokenizer ?? new Uint8Array()), { most: tokens });
  },
};
