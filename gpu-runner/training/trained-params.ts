/** @file Which parameters a training changes: all, unless the config freezes some or the model has adapters. */
import { matchesAny, unmatched } from '../../configs/name-patterns.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { nearestName } from '../../configs/suggest.ts';
import { Unprocessable } from '../../errors.ts';
import { isLora, loraNames } from '../model/lora.ts';
import type { ParamSpec } from '../model/params.ts';

/** The sections of a config that decide. */
type TrainedChoice = Pick<KeyedConfig, 'model' | 'optimizer'>;

/**
 * `optimizer.freeze` decides. Without it, a model with adapters trains these and no other parameter of its own.
 * @param specs All parameters. @param ofModel Those of the model; the others belong to losses.
 * @throws Unprocessable for a pattern that matches nothing, and when nothing is left to train.
 */
export function trainedParams(
  config: TrainedChoice,
  specs: readonly ParamSpec[],
  ofModel: readonly ParamSpec[],
): ParamSpec[] {
  const { lora } = config.model;
  const { freeze } = config.optimizer;
  const names = specs.map(({ name }) => name);
  if (lora?.targets) {
    const adapted = names.filter(name => names.includes(loraNames(name).down));
    checkPatterns('model.lora.targets', lora.targets, adapted, 'matrix that can have an adapter');
  }
  if (freeze) checkPatterns('optimizer.freeze', freeze, names, 'parameter');
  const own = new Set(ofModel.map(({ name }) => name));
  const trained = specs.filter(({ name }) => !isFixed(config, name, own.has(name)));
  if (trained.length > 0) return trained;
  throw new Unprocessable('optimizer.freeze leaves no parameter to train', {
    expected: 'patterns that leave at least one parameter',
  });
}

/** Whether a parameter keeps its initial numbers, and has no average. @param isOfModel False for one of a loss. */
export function isFixed({ model: { lora }, optimizer: { freeze } }: TrainedChoice, name: string, isOfModel = true) {
  return freeze ? matchesAny(freeze, name) : lora !== undefined && isOfModel && !isLora(name);
}

function checkPatterns(key: string, patterns: readonly string[], names: readonly string[], what: string): void {
  const [first] = unmatched(patterns, names);
  if (first === undefined) return;
  const nearest = nearestName(first, names) ?? names[0];
  throw new Unprocessable(`${key}: no ${what} is named "${first}"`, {
    expected: `names of parameters, in which * stands for any characters${nearest ? `, as "${nearest}"` : ''}`,
  });
}
