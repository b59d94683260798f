/**
 * @file Keys that a new experiment may not have together: one of them would do nothing, or its training would fail
 * later. A stored config is not checked: an earlier version took it, and its run goes on.
 */
import { Unprocessable } from '../errors.ts';
import { signalShares } from './dropout.ts';
import { listFrozenNets, lossWeightAt } from './losses.ts';
import type { Config } from './schema.ts';
import { signalsOf } from './signals.ts';
import { keptTokens } from './tread.ts';

/** What is wrong, what is right, and a way out. */
interface Mistake {
  readonly text: string;
  readonly expected: string;
  readonly hint?: string;
}

/**
 * @param config With its conditions, losses and size of pictures.
 * @param parent Of a branch: its own mistakes are no reason to refuse the branch.
 * @throws Unprocessable naming the first mistake.
 */
export function checkEffects(config: Config, parent?: Config): void {
  for (const check of CHECKS) {
    const mistake = check(config);
    if (mistake === undefined || (parent && check(parent))) continue;
    const { text, ...advice } = mistake;
    throw new Unprocessable(text, advice);
  }
}

const CHECKS: readonly ((config: Config) => Mistake | undefined)[] = [
  checkRates,
  checkFactors,
  checkDecay,
  checkAverages,
  checkCoverage,
  checkRamps,
  checkAlignment,
  checkFrozen,
  checkMasking,
  checkRoute,
];

function checkRates({ optimizer }: Config): Mistake | undefined {
  const { learning_rate: rate, min_learning_rate: least, schedule } = optimizer;
  if (least > rate) {
    return {
      text: `optimizer.min_learning_rate ${least} is above optimizer.learning_rate ${rate}`,
      expected: `at most ${rate}`,
    };
  }
  if (least === 0 || schedule !== 'constant') return undefined;
  return {
    text: `optimizer.min_learning_rate ${least} has no effect with optimizer.schedule constant`,
    expected: 'schedule cosine or wsd, or no min_learning_rate',
  };
}

/** With a factor of 1 a mean never takes up a gradient. */
function checkFactors({ optimizer: { adamw, muon } }: Config): Mistake | undefined {
  const factors = {
    'adamw.beta1': adamw.beta1,
    'adamw.beta2': adamw.beta2,
    'muon.momentum': muon.momentum,
  };
  const [key] = Object.entries(factors).find(([, factor]) => factor >= 1) ?? [];
  if (key === undefined) return undefined;
  return { text: `optimizer.${key} 1 never takes up a gradient`, expected: 'a number below 1, such as 0.95' };
}

function checkDecay({ optimizer: { weight_decay, weight_decay_on: decayed } }: Config): Mistake | undefined {
  if (decayed === undefined || weight_decay > 0) return undefined;
  return {
    text: `optimizer.weight_decay_on ${decayed} has no effect with optimizer.weight_decay 0`,
    expected: 'weight_decay above 0, or no weight_decay_on',
  };
}

function checkAverages({ optimizer: { ema_gammas, ema_decays = [] } }: Config): Mistake | undefined {
  const lists = {
    ema_gammas: ema_gammas.map(String),
    ema_decays: ema_decays.map(({ decay, warmup_steps = 0 }) => `${decay} ${warmup_steps}`),
  };
  const [key] = Object.entries(lists).find(([, list]) => new Set(list).size < list.length) ?? [];
  return key === undefined ? undefined : { text: `optimizer.${key} has an average twice`, expected: 'each once' };
}

/** Some loss has a weight above 0 at every point of the run. */
function checkCoverage({ objective: { losses } }: Config): Mistake | undefined {
  if (losses === undefined) return undefined;
  const all = Object.values({ flow_matching: { weight: 1, from: 0, until: 1, ramp: 0 }, ...losses });
  const borders = [...new Set([0, 1, ...all.flatMap(({ from, until }) => [from, until])])].toSorted((a, b) => a - b);
  const middles = borders.slice(1).map((border, i) => (border + (borders[i] ?? 0)) / 2);
  const points = [...borders.filter(border => border < 1), ...middles].toSorted((a, b) => a - b);
  const gap = points.find(point => all.every(loss => lossWeightAt(point, 1, loss) <= 0));
  if (gap === undefined) return undefined;
  return {
    text: `no loss of objective.losses has a weight above 0 after ${Number((100 * gap).toPrecision(3))} % of the run`,
    expected: 'at least one loss at every point of the run',
    hint: 'flow_matching has weight 1 unless objective.losses says otherwise',
  };
}

/** A weight does not rise at the start of a run, nor fall at its end. */
function checkRamps({ objective: { losses = {} } }: Config): Mistake | undefined {
  const found = Object.entries(losses).find(([, { from, until, ramp }]) => ramp > 0 && from === 0 && until === 1);
  if (found === undefined) return undefined;
  return {
    text: `objective.losses.${found[0]}.ramp has no effect without from and until: no weight ramps at the ends of a run`,
    expected: 'from above 0, or until below 1, or no ramp',
  };
}

/** repa counts samples whose patches are dropped: some must be. */
function checkAlignment({ model: { conditions }, objective: { losses = {}, cfg_dropout } }: Config) {
  const { repa } = losses;
  if (repa === undefined || repa.weight === 0 || repa.teacher === 'self' || repa.only_dropped === false) {
    return undefined;
  }
  const present = signalsOf(conditions);
  if (!present.includes('patches')) return undefined;
  if (signalShares(present, cfg_dropout).some(({ keeps }) => !keeps.includes('patches'))) return undefined;
  return {
    text: 'objective.losses.repa counts samples whose patches are dropped, and objective.cfg_dropout never drops them',
    expected: 'a category above 0 that drops patches, such as p_text_only, or objective.losses.repa.only_dropped false',
  };
}

function checkFrozen({ objective: { losses, frozen = {} } }: Config): Mistake | undefined {
  const read = listFrozenNets(losses);
  const idle = Object.keys(frozen).find(net => !read.includes(net));
  if (idle === undefined) return undefined;
  return {
    text: `objective.frozen.${idle}: no loss of the config reads this net`,
    expected: read.length > 0 ? `one of: ${read.join(', ')}` : 'no objective.frozen',
  };
}

function checkMasking({ model: { conditions }, objective: { masking } }: Config): Mistake | undefined {
  if (masking === undefined) return undefined;
  const { joints = 0, patches = 0 } = masking;
  if (joints === 0 && patches === 0) {
    return { text: 'objective.masking hides nothing', expected: 'joints or patches above 0, or no objective.masking' };
  }
  const hidden = [
    ['joints', joints, 'pose'],
    ['patches', patches, 'patches'],
  ] as const;
  const [key, , signal] = hidden.find(([, share, of]) => share > 0 && conditions?.[of] === undefined) ?? [];
  if (key === undefined) return undefined;
  return { text: `objective.masking.${key}: the model has no ${signal}`, expected: `a model with ${signal}` };
}

function checkRoute({ model: { patch_size }, data: { image_size }, objective: { tread } }: Config) {
  if (tread === undefined || image_size === undefined) return undefined;
  const { width, height } = image_size;
  const tokens = Math.floor(width / patch_size) * Math.floor(height / patch_size);
  if (keptTokens(tread, tokens) < tokens) return undefined;
  return {
    text:
      `objective.tread.routing_probability ${tread.routing_probability} routes none of the ${tokens} tokens of ` +
      `pictures of ${width} x ${height}`,
    expected: `at least ${Number((1 / tokens).toPrecision(3))}, which is one token`,
    hint: 'or leave objective.tread out',
  };
}
