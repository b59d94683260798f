/**
 * @file Says which switches of the network have no effect on the signals that it has. A recipe sets them for any
 * dataset, so they are no mistake.
 */
import { patchesModeOf } from '../../configs/architecture.ts';
import type { ModelConfig } from '../../configs/schema.ts';
import { signalsOf } from '../../configs/signals.ts';
import type { Note } from '../../storage/records.ts';

/** Switches of all context tokens. */
const OF_CONTEXT = ['nulls', 'null_tokens', 'context_norm', 'projection_bias'] as const;

/** A note if there are such switches. @param model With the conditions of its dataset. */
export function noteIdleSwitches(model: ModelConfig): Note[] {
  const { conditions = {}, cls_token, patches } = model;
  const idle = [
    ...(['text', 'patches', 'pose'] as const)
      .filter(name => model[name] !== undefined && conditions[name] === undefined)
      .map(name => `model.${name}: the model has no ${name}`),
    ...(cls_token !== undefined && conditions.cls === undefined ? ['model.cls_token: the model has no cls'] : []),
    ...(signalsOf(conditions).length === 0
      ? OF_CONTEXT.filter(key => model[key] !== undefined).map(key => `model.${key}: the model has no signal`)
      : []),
    ...(conditions.patches && patches?.position !== undefined && patchesModeOf(model) === 'spatial_add'
      ? ['model.patches.position: with patches.mode spatial_add no feature is a context token']
      : []),
  ];
  if (idle.length === 0) return [];
  const text = `switches without an effect: ${idle.join('; ')}`;
  return [{ code: 'idle_switches', count: idle.length, text, examples: [] }];
}
