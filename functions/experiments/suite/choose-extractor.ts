/** @file The features of validations during a training, which cannot look for installed nets; and those of cls. */
import type { KeyedConfig } from '../../../configs/schema.ts';
import type { EngineSpec } from '../../../storage/records.ts';
import { ENCODERS } from '../../encoders/encoders.ts';
import { allowedPrecision } from '../../encoders/precision.ts';
import { findSeen } from '../sets/extractors.ts';
import type { SuiteExtractor } from './suite-request.ts';

/** Built in, and not what the training saw. */
export function builtInExtractor(config: Pick<KeyedConfig, 'model' | 'objective'>): SuiteExtractor {
  const seen = findSeen(config, 'dct');
  return seen
    ? { name: 'thumbnail', why: `built in; the training saw dct, as ${seen.as}` }
    : { name: 'dct', why: 'built in; the training did not see it' };
}

/** Makes what the network is given as cls; undefined if its encoder or its weights are not known. */
export function clsExtractor(
  { model: { conditions } }: Pick<KeyedConfig, 'model'>,
  engine: EngineSpec,
): SuiteExtractor | undefined {
  const cls = conditions?.cls;
  const encoder = ENCODERS.find(({ name }) => name === cls?.encoder);
  if (cls === undefined || encoder === undefined) return undefined;
  const named = { name: encoder.name, why: 'the encoder of cls' };
  if (encoder.runs === 'server') return named;
  return cls.weights && { ...named, weights: cls.weights, engine: allowedPrecision(encoder, engine) };
}
