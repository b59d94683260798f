/** @file The features of validations during a training, which cannot look for installed nets; and those of cls. */
import type { KeyedConfig } from '../../../configs/schema.ts';
import type { EngineSpec } from '../../../storage/records.ts';
import { ENCODERS } from '../../encoders/encoders.ts';
import { allowedPrecision } from '../../encoders/precision.ts';
import type { SuiteExtractor } from './suite-request.ts';

/** Built in, and not what the training saw. */
export function builtInExtractor({ model: { conditions } }: Pick<KeyedConfig, 'model'>): SuiteExtractor {
  const sawDct = conditions?.cls?.encoder === 'dct' || conditions?.patches?.encoder === 'dct';
  return sawDct
    ? { name: 'thumbnail', why: 'built in; the training saw dct, as a signal' }
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
