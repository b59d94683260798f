/** @file The text encoders T5 on an engine, in f32 or with matrix products in bf16. */
import { T5_NETS, type T5Net, type T5Options, t5Options } from '../../configs/t5.ts';
import { Unprocessable } from '../../errors.ts';
import { readTokenizer } from '../../formats/tokenizer.ts';
import type { RunnerEncoder } from './encoder.ts';
import { readT5 } from './text/t5.ts';
import { checkT5Config } from './text/t5-config.ts';
import { TextPrograms } from './text/text-programs.ts';

export const T5_ENCODERS: Readonly<Record<string, RunnerEncoder>> = Object.fromEntries(
  T5_NETS.map(net => [net.name, t5Encoder(net)]),
);

/** The encoder of a network; its weights are the files of the Hugging Face hub. */
export function t5Encoder(net: T5Net): RunnerEncoder {
  return {
    version: 1,
    signals: ['text'],
    batch: 64,
    async open(engine, given, readWeights) {
      const { tokens, dim = net.dim }: T5Options = t5Options(net).parse(given);
      checkT5Config(await readWeights('config', true));
      const t5 = readT5(net.name, await readWeights('model'), engine);
      if (t5.dim !== dim) {
        throw new Unprocessable(`the weights make vectors of ${t5.dim} numbers, and ${net.name} has ${dim}`, {
          expected: `weights of ${net.name}`,
          hint: `the encoder t5 takes any T5: "dim": ${t5.dim}`,
        });
      }
      const [tokenizer] = await readWeights('tokenizer');
      return new TextPrograms(engine, t5, readTokenizer(tokenizer ?? new Uint8Array()), { most: tokens });
    },
  };
}
