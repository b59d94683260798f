/** @file Shifts, scales and gates of the branches and of the head, from the conditioning (adaLN, arXiv 2212.09748). */
import { ADALN_RANK, type ModelConfig } from '../../configs/schema.ts';
import { linear } from '../compiler/composites.ts';
import { add, reshape, slice } from '../compiler/functions.ts';
import type { Value } from '../compiler/trace.ts';
import { branchesOf, type Modulation } from './block.ts';
import type { Params } from './params.ts';

/**
 * The modulation of each branch of block `layer`. With zeros at the start of training a block with gates begins as the
 * identity.
 */
export function modulationOf(params: Params, model: ModelConfig, layer: number, conditioning: Value): Modulation[] {
  const hidden = model.hidden_size;
  const count = (model.adaln_gates ?? true) ? 3 : 2;
  const width = count * branchesOf(model).length * hidden;
  const projected = MODULATIONS[model.adaln](params, model, `blocks.${layer}.adaln`, conditioning, width);
  const packed = add(projected, params.zeros(`blocks.${layer}.adaln_bias`, [width]));
  const parts = splitModulation(packed, hidden);
  return branchesOf(model).map((branch, index) => {
    const [shift, scale, gate] = parts.slice(count * index, count * (index + 1));
    if (!shift || !scale) throw new TypeError(`the branch ${branch} needs a shift and a scale`);
    return gate ? [shift, scale, gate] : [shift, scale];
  });
}

/** Maps the conditioning [batch, hidden] to the modulations of one block, [batch, width], without the bias. */
type ModulationMap = (params: Params, model: ModelConfig, name: string, conditioning: Value, width: number) => Value;

const MODULATIONS: Readonly<Record<ModelConfig['adaln'], ModulationMap>> = {
  shared: (params, model, _, conditioning, width) =>
    linear(conditioning, params.zeroWeight('adaln', model.hidden_size, width)),

  full: (params, model, name, conditioning, width) =>
    linear(conditioning, params.zeroWeight(name, model.hidden_size, width)),

  lowrank(params, model, name, conditioning, width) {
    const { hidden_size, adaln_rank = ADALN_RANK } = model;
    const narrow = linear(conditioning, params.weight(`${name}_down`, hidden_size, adaln_rank));
    return linear(narrow, params.zeroWeight(`${name}_up`, adaln_rank, width));
  },
};

/** Cuts [batch, count * hidden] into `count` pieces [batch, 1, hidden]. */
export function splitModulation(packed: Value, hidden: number): Value[] {
  const [batch = 0, width = 0] = packed.shape;
  return Array.from({ length: width / hidden }, (_, i) =>
    reshape(slice(packed, 1, i * hidden, (i + 1) * hidden), [batch, 1, hidden]),
  );
}
