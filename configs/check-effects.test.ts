import { describe, expect, test } from 'vitest';
import { checkEffects } from './check-effects.ts';
import { parseConfig } from './parse.ts';

const PATCHES = { patches: { encoder: 'dct', dim: 27, stride: 8 } };
const NET = { 'lpips-alex': [`sha256:${'0'.repeat(64)}`] };
const NEVER_WITHOUT = Object.fromEntries(
  ['p_uncond', 'p_text_only', 'p_dino_cls_only', 'p_pose_only'].map(key => [key, 0]),
);
const SIZE = { image_size: { width: 64, height: 32 } };
const check = (config: object, parent?: object) => checkEffects(parseConfig(config), parent && parseConfig(parent));

describe('a new experiment is refused with', () => {
  test.each([
    [{ optimizer: { min_learning_rate: 1 } }, 'optimizer.min_learning_rate 1 is above optimizer.learning_rate 0.002'],
    [{ optimizer: { min_learning_rate: 1e-4, schedule: 'constant' } }, 'no effect with optimizer.schedule constant'],
    [{ optimizer: { adamw: { beta2: 1 } } }, 'optimizer.adamw.beta2 1 never takes up a gradient'],
    [{ optimizer: { muon: { momentum: 1 } } }, 'optimizer.muon.momentum 1 never'],
    [{ optimizer: { weight_decay_on: 'all' } }, 'no effect with optimizer.weight_decay 0'],
    [{ optimizer: { ema_gammas: [10, 10] } }, 'optimizer.ema_gammas has an average twice'],
    [{ optimizer: { ema_decays: [{ decay: 0.9 }, { decay: 0.9, warmup_steps: 0 }] } }, 'ema_decays has an average'],
    [{ objective: { losses: { flow_matching: { weight: 0 } } } }, 'above 0 after 0 % of the run'],
    [{ objective: { losses: { flow_matching: { weight: 1, until: 0.5 } } } }, 'above 0 after 50 % of the run'],
    [{ objective: { losses: { flow_matching: { weight: 1, from: 0.1, ramp: 0.1 } } } }, 'above 0 after 0 % of'],
    [{ objective: { losses: { flow_matching: { weight: 1, ramp: 0.1 } } } }, 'flow_matching.ramp has no effect'],
    [{ objective: { frozen: NET } }, 'objective.frozen.lpips-alex: no loss of the config reads this net'],
    [{ objective: { masking: { block: 2 } } }, 'objective.masking hides nothing'],
    [{ objective: { masking: { joints: 0.5 } } }, 'objective.masking.joints: the model has no pose'],
    [{ objective: { masking: { patches: 0.5 } } }, 'objective.masking.patches: the model has no patches'],
    [{ objective: { tread: { routing_probability: 0.03 } }, data: SIZE }, 'routes none of the 32 tokens'],
    [
      { model: { conditions: PATCHES }, objective: { cfg_dropout: NEVER_WITHOUT, losses: { repa: { weight: 1 } } } },
      'objective.cfg_dropout never drops them',
    ],
  ])('%j', (config, message) => {
    expect(() => check(config)).toThrow(message);
    expect(() => check(config, config)).not.toThrow();
  });
});

test.each([
  { optimizer: { min_learning_rate: 1e-4 } },
  { objective: { losses: { flow_matching: { weight: 1, until: 0.5 }, repa: { weight: 1, from: 0.5 } } } },
  { objective: { losses: { lpips: { weight: 1, from: 0.5, ramp: 0.1 } }, frozen: NET } },
  { objective: { tread: { routing_probability: 0.04 } }, data: SIZE },
  { model: { conditions: PATCHES }, objective: { losses: { repa: { weight: 1 } }, masking: { patches: 0.5 } } },
])('%j is taken', config => {
  expect(() => check(config)).not.toThrow();
});

test.each([
  [{ average: 1 }, [10], 'run.preview.weights.average: expected 0 to 0'],
  [{ sigma_rel: 0.1 }, [], 'run.preview.weights.sigma_rel: is made of power traces'],
])('previews of %j with ema_gammas %j are refused', (weights, ema_gammas, message) => {
  const config = { optimizer: { ema_gammas, ema_decays: ema_gammas.length > 0 ? undefined : [{ decay: 0.9 }] } };
  expect(() => parseConfig({ ...config, run: { preview: { weights } } })).toThrow(message);
});
