/** @file Context tokens as keys: merges groups, and makes a bias of scores from the mask of visible tokens. */
import { biasOf } from '../../compiler/attention.ts';
import { add, broadcast, concat, reshape } from '../../compiler/functions.ts';
import type { Rotation } from '../../compiler/rotary.ts';
import type { Value } from '../../compiler/trace.ts';
import type { ContextGroup } from './signal.ts';

/** All tokens as one group, in order. Tokens of a group without a place get a rotation by 0. */
export function mergeGroups(groups: readonly ContextGroup[]): ContextGroup {
  const [first] = groups;
  if (first === undefined) throw new TypeError('there is no group to merge');
  if (groups.length === 1) return first;
  const join = (part: (group: ContextGroup) => Value) => concat(groups.map(part), 1);
  const [rotation, bias] = [mergeRotations(groups), mergeBiases(groups)];
  return {
    tokens: join(group => group.tokens),
    visible: join(group => group.visible),
    ...(rotation && { rotation }),
    ...(bias && { bias }),
  };
}

/** [batch, tokens]; undefined when no group has a bias. */
function mergeBiases(groups: readonly ContextGroup[]): Value | undefined {
  const known = groups.map(({ bias }) => bias).find(bias => bias !== undefined);
  if (known === undefined) return undefined;
  const none = known.builder.constant([0], []);
  return concat(
    groups.map(({ visible, bias = none }) => broadcast(bias, visible.shape)),
    1,
  );
}

/** [batch or 1, 1, tokens, headDim]; undefined when no group has a place. */
function mergeRotations(groups: readonly ContextGroup[]): Rotation | undefined {
  const placed = groups.map(group => group.rotation).filter(rotation => rotation !== undefined);
  const [first] = placed;
  if (first === undefined) return undefined;
  const { builder } = first.cos;
  const headDim = first.cos.shape.at(-1) ?? 0;
  const batch = Math.max(...placed.map(({ cos }) => (cos.shape.length === 4 ? (cos.shape[0] ?? 1) : 1)));
  const join = (part: 'cos' | 'sin', still: number) =>
    concat(
      groups.map(({ tokens, rotation }) =>
        broadcast(rotation?.[part] ?? builder.constant([still], []), [batch, 1, tokens.shape[1] ?? 0, headDim]),
      ),
      2,
    );
  return { cos: join('cos', 1), sin: join('sin', 0) };
}

/**
 * [batch, 1, 1, image + context tokens]: 0 for visible keys, very negative for the others. Image tokens are always
 * visible.
 */
export function keyBias(groups: readonly ContextGroup[], imageTokens: number): Value | undefined {
  const [first] = groups;
  if (first === undefined) return undefined;
  const { builder, shape } = first.visible;
  const [batch = 0] = shape;
  const biases = groups.map(({ visible, bias }) => (bias ? add(biasOf(visible), bias) : biasOf(visible)));
  const all = imageTokens > 0 ? [builder.constant([0], [batch, imageTokens]), ...biases] : biases;
  return reshape(concat(all, 1), [batch, 1, 1, -1]);
}
