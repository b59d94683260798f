/** @file Which optimizer trains a parameter, at which rate, and whether it decays. */
import type { OptimizerConfig } from '../../configs/optimizer.ts';
import type { ParamSpec } from '../model/params.ts';

export type OptimizerKind = 'muon' | 'adamw';
type Spec = Pick<ParamSpec, 'shape' | 'group'>;

export function optimizerOf({ shape, group }: Spec, { type, muon }: OptimizerConfig): OptimizerKind {
  const isOfMuon = muon.groups === 'all_2d' ? shape.length === 2 : group === 'matrix';
  return type === 'muon' && isOfMuon ? 'muon' : 'adamw';
}

/** The rate of AdamW's parameters beside the scheduled one. */
export function adamwRateShare({ learning_rate, adamw }: OptimizerConfig): number {
  return (adamw.learning_rate ?? learning_rate) / learning_rate;
}

export function isDecayed({ shape, group }: Spec, { weight_decay_on: rule = 'two_axes' }: OptimizerConfig): boolean {
  switch (rule) {
    case 'matrices':
      return group === 'matrix';
    case 'not_embeddings':
      return shape.length >= 2 && group !== 'embedding';
    case 'two_axes':
      return shape.length >= 2;
    case 'all':
      return true;
  }
}
