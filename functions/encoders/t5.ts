/**
 * @file The text encoders T5 (configs/t5.ts): the last hidden states of the tokens of a caption. They run in the
 * gpu-runner (gpu-runner/encoders/t5.ts).
 */
import { T5_NETS, T5_TOKENS, type T5Net, type T5Options, t5Options } from '../../configs/t5.ts';
import { TOKENIZERS_VERSION } from '../../formats/tokenizer.ts';
import { type AnyEncoder, defineEncoder } from './encoder.ts';
import { TOKEN_LIMIT } from './token-limit.ts';

export const t5Encoders: readonly AnyEncoder[] = T5_NETS.map(t5Encoder);

function t5Encoder(net: T5Net): AnyEncoder {
  return defineEncoder({
    name: net.name,
    version: 1,
    reads: 'caption',
    options: t5Options(net),
    makes: { text: ({ tokens, dim = net.dim }: T5Options) => ({ dim: dim ?? 0, tokens }) },
    optionsOf: ({ text }) => ({
      tokens: text?.tokens ?? T5_TOKENS,
      ...(net.dim === undefined && text && { dim: text.dim }),
    }),
    weights: ['model', 'tokenizer'],
    optionalWeights: ['config'],
    limit: TOKEN_LIMIT,
    tools: { '@huggingface/tokenizers': TOKENIZERS_VERSION },
    runs: 'runner',
    precisions: { allowed: ['f32', 'bf16'], why: 'numbers inside of a T5 are larger than f16 has' },
  });
}
