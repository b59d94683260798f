/** @file Texts in CLIP: each token sees those before it; the last one becomes the embedding. */
import { Unprocessable } from '../../../errors.ts';
import { MASKED } from '../../compiler/attention-expansions.ts';
import { add } from '../../compiler/functions.ts';
import { trace } from '../../compiler/trace.ts';
import { type NetWeights, readFloats, requireShape } from '../net-weights.ts';
import { paramsOf } from '../text/params.ts';
import { applyLinear, maskBias, type TextEngine, type TextNet } from '../text/text-net.ts';
import { normalize, readBlocks, readNorm, readTower, runBlocks } from './tower.ts';

const AT = 'text_model';

/** The network; its vector of the last token of a text is the embedding. @throws Unprocessable */
export function readTextTower(weights: NetWeights, engine: TextEngine, heads: number): TextNet {
  const tower = readTower(weights, AT, heads);
  const { hidden } = tower;
  const [vocabulary = 0] = requireShape(weights, `${AT}.embeddings.token_embedding.weight`);
  const [places = 0] = requireShape(weights, `${AT}.embeddings.position_embedding.weight`);
  const [dim = 0] = requireShape(weights, 'text_projection.weight');
  const words = readFloats(weights, `${AT}.embeddings.token_embedding.weight`, [vocabulary, hidden]);
  const positions = readFloats(weights, `${AT}.embeddings.position_embedding.weight`, [places, hidden]);
  const state = {
    text_projection: weights.read('text_projection.weight', [dim, hidden]),
    ...readNorm(weights, `${AT}.final_layer_norm`, hidden),
    ...readBlocks(weights, tower, engine.precision === 'bf16' ? 'bf16' : 'f32'),
  };
  return {
    dim: hidden,
    state,
    embed(ids, into) {
      if (ids.length > places) throw new Unprocessable(`CLIP has places for ${places} tokens, not ${ids.length}`);
      for (const [place, id] of ids.entries()) {
        if (id >= vocabulary) throw new Unprocessable(`the network has ${vocabulary} tokens, the tokenizer more`);
        for (let i = 0; i < hidden; i++) {
          into[place * hidden + i] = (words[id * hidden + i] ?? 0) + (positions[place * hidden + i] ?? 0);
        }
      }
    },
    trace: (batch, length) =>
      trace(builder => {
        const tokens = builder.input('tokens', { shape: [batch, length, hidden], dtype: 'f32' });
        const mask = builder.input('mask', { shape: [batch, length], dtype: 'f32' });
        const param = paramsOf(builder, state);
        const hides = Array.from({ length: length ** 2 }, (_, i) => (i % length > Math.floor(i / length) ? MASKED : 0));
        const later = builder.constant(hides, [1, 1, length, length], 'f32');
        const fused = engine.tuning?.fusesAttention ?? false;
        const states = runBlocks(tokens, tower, { param, fused, bias: add(maskBias(mask), later) });
        return {
          outputs: { text: applyLinear(normalize(states, `${AT}.final_layer_norm`, param), param('text_projection')) },
        };
      }),
  };
}
