/** @file The encoders of CLIP on an engine: of pictures, and of texts. Both make one vector each, in one space. */
import { CLIP_NETS, CLIP_TOKENS, type ClipNet, clipTextName } from '../../configs/clip.ts';
import { Unprocessable } from '../../errors.ts';
import { readTokenizer } from '../../formats/tokenizer.ts';
import { readImageTower } from './clip/image-tower.ts';
import { readTextTower } from './clip/text-tower.ts';
import type { EncodedInput, OpenEncoder, RunnerEncoder } from './encoder.ts';
import { type NetWeights, openWeights, refuseWeights } from './net-weights.ts';
import { PicturePrograms } from './picture-programs.ts';
import { TextPrograms } from './text/text-programs.ts';

/** Tensors of one tower; the other one is not read. */
const ofImages = (name: string) => /^(vision_model|visual_projection)\./.test(name) && !name.endsWith('position_ids');
const ofTexts = (name: string) => /^(text_model|text_projection)\./.test(name) && !name.endsWith('position_ids');

export const CLIP_ENCODERS: Readonly<Record<string, RunnerEncoder>> = Object.fromEntries(
  CLIP_NETS.flatMap(net => [[net.name, imageEncoder(net)] as const, [clipTextName(net), textEncoder(net)] as const]),
);

function imageEncoder(net: ClipNet): RunnerEncoder {
  return {
    version: 1,
    signals: ['cls'],
    batch: 8,
    async open(engine, _, readWeights) {
      const weights = openWeights(net.name, await readWeights('model'), { keep: ofImages });
      const tower = readImageTower(weights, engine, net.imageHeads);
      requireDim(weights, tower.dim, net.dim);
      return new PicturePrograms(engine, tower.net, Object.entries(tower.state));
    },
  };
}

function textEncoder(net: ClipNet): RunnerEncoder {
  return {
    version: 1,
    signals: ['text'],
    batch: 16,
    async open(engine, _, readWeights) {
      const weights = openWeights(net.name, await readWeights('model'), { keep: ofTexts });
      const tower = readTextTower(weights, engine, net.textHeads);
      requireDim(weights, weights.shapeOf('text_projection.weight')?.[0], net.dim);
      const [file] = await readWeights('tokenizer');
      if (file === undefined) throw new Unprocessable(`the tokenizer of ${net.name} is missing`);
      return keepLast(new TextPrograms(engine, tower, readTokenizer(file), { most: CLIP_TOKENS }));
    },
  };
}

function requireDim(weights: NetWeights, found: number | undefined, dim: number): void {
  if (found !== dim) throw refuseWeights(weights.encoder, `make vectors of ${found} numbers`, `${dim} numbers`);
}

/** The vector of the last token of each text, [1, dim]: the only one that saw all of it. */
export function keepLast(programs: TextPrograms): OpenEncoder {
  const last = ({ text }: EncodedInput): EncodedInput => {
    if (text === undefined) return {};
    const [count = 0, dim = 0] = text.shape;
    return { text: { shape: [1, dim], data: text.data.slice((count - 1) * dim, count * dim) } };
  };
  return {
    encode: async inputs => (await programs.encode(inputs)).map(last),
    split: inputs =>
      programs.split(inputs).map(({ places, encode }) => ({ places, encode: async () => (await encode()).map(last) })),
    dispose: () => programs.dispose(),
  };
}
