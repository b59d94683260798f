/**
 * @file Embeds the signals. A dropped signal leaves no trace: its numbers pass a select, so no bit of the output
 * depends on them.
 *
 * `arch: joint` has text and pose as context. It adds pooled text and the CLS embedding to the time embedding, and
 * patch features to the image tokens. `arch: cross`, the seed's architecture, has all signals as context, and adds the
 * CLS embedding to the time embedding too. There a dropped signal becomes one learned null token, so the context is
 * never empty. `patches.mode` puts patch features into context, image tokens or both, in either architecture.
 */
import type { ModelConfig } from '../../configs/schema.ts';
import { SIGNAL_NAMES, type SignalName } from '../../configs/signals.ts';
import type { Params } from './params.ts';
import { clsLayer } from './signals/cls.ts';
import { mergeGroups } from './signals/context.ts';
import { patchesLayer } from './signals/patches.ts';
import { poseLayer } from './signals/pose.ts';
import type { ConditionInputs, SignalFrame, SignalLayer, SignalParts } from './signals/signal.ts';
import { textLayer } from './signals/text.ts';

const LAYERS: Readonly<Record<SignalName, SignalLayer>> = {
  text: textLayer,
  cls: clsLayer,
  patches: patchesLayer,
  pose: poseLayer,
};

/** Embeds the signals that are given, for the model's arch. The context of `arch: cross` is one group. */
export function embedSignals(
  params: Params,
  model: ModelConfig,
  inputs: ConditionInputs,
  frame: SignalFrame,
): Required<SignalParts> {
  const parts = SIGNAL_NAMES.flatMap(name => {
    const input = inputs[name];
    return input ? [LAYERS[name](params, model, input, frame)] : [];
  });
  const context = parts.flatMap(part => part.context ?? []);
  return {
    context: model.arch === 'cross' && context.length > 0 ? [mergeGroups(context)] : context,
    pooled: parts.flatMap(part => part.pooled ?? []),
    spatial: parts.flatMap(part => part.spatial ?? []),
  };
}
