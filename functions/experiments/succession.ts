/** @file What of a config may change when a training goes on from a checkpoint. */
import { LOSS_SHAPES, parseLossOptions } from '../../configs/loss-options.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import type { Json } from '../../storage/canonical.ts';
import { listDifferences } from './config-differences.ts';

/** Keys that cannot change, and why. */
const FIXED: Readonly<Record<string, { of(config: KeyedConfig): Json; readonly why: string }>> = {
  seed: { of: ({ seed }) => seed, why: 'the random streams of the checkpoint go on' },
  model: { of: ({ model }) => model, why: 'the weights in the checkpoint have the shapes of its model' },
  data: { of: ({ data }) => data, why: 'the checkpoint counts its place in the data in batches of that size' },
  'objective.prediction_type': {
    of: ({ objective }) => objective.prediction_type,
    why: 'the weights in the checkpoint predict that quantity',
  },
  'optimizer.type': { of: ({ optimizer }) => optimizer.type, why: 'the checkpoint has the state of that optimizer' },
  init_from: { of: ({ init_from }) => init_from ?? null, why: 'the first step began with these weights' },
  'optimizer.freeze': {
    of: ({ optimizer }) => optimizer.freeze ?? null,
    why: 'the checkpoint has moments and averages of the parameters that are trained',
  },
  'optimizer.muon.groups': {
    of: ({ optimizer }) => optimizer.muon.groups ?? 'named',
    why: 'the checkpoint has the state of Muon or of AdamW for each parameter',
  },
  'optimizer.ema_gammas': {
    of: ({ optimizer }) => optimizer.ema_gammas,
    why: 'the checkpoint has an average of the weights for each',
  },
  'optimizer.ema_decays': {
    of: ({ optimizer }) => JSON.parse(JSON.stringify(optimizer.ema_decays ?? null)),
    why: 'the checkpoint has an average of the weights for each',
  },
};

/**
 * @param before The config of the checkpoint. @param after The config under which its training is to go on.
 * @throws Unprocessable naming each key that cannot change, with both values and why.
 */
export function checkSuccession(before: KeyedConfig, after: KeyedConfig): void {
  const broken = Object.entries(FIXED).flatMap(([key, { of, why }]) => {
    const differences = listDifferences(of(before), of(after), key.split('.'));
    return differences.length === 0 ? [] : [{ key, text: `${differences.join(', ')}: ${why}` }];
  });
  broken.push(...listAdapterDifferences(before, after));
  if (broken.length === 0) return;
  throw new Unprocessable(`a run cannot go on with another ${broken.map(({ text }) => text).join('; ')}`, {
    expected: `${broken.map(({ key }) => key).join(', ')} as in the config of the checkpoint`,
    hint: 'leave them as they are; or create a new experiment with that config, from fresh weights or with init_from from the weights of this one',
  });
}

/** The adapter of repa has parameters, which the checkpoint must have. A run may go on without repa. */
function listAdapterDifferences(before: KeyedConfig, after: KeyedConfig) {
  const wanted = adapterOf(after);
  const key = 'objective.losses.repa';
  const differences = wanted === null ? [] : listDifferences(adapterOf(before), wanted, [key]);
  if (differences.length === 0) return [];
  return [{ key, text: `${differences.join(', ')}: the checkpoint has the weights of its adapter, or none` }];
}

function adapterOf({ objective: { losses }, model }: KeyedConfig) {
  if (losses?.repa === undefined || losses.repa.weight === 0) return null;
  const { adapter, adapter_width, teacher, column } = parseLossOptions(
    LOSS_SHAPES.repa,
    losses.repa,
    'objective.losses.repa',
  );
  return {
    adapter,
    adapter_width: adapter === 'linear' ? null : (adapter_width ?? 2 * model.hidden_size),
    features: teacher === 'self' ? model.hidden_size : (column?.dim ?? null),
  };
}
