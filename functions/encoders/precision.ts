/** @file In which precision an encoder of the gpu-runner computes. */
import { Unprocessable } from '../../errors.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { AnyEncoder } from './encoder.ts';

/** @throws Unprocessable for an engine in whose precision the numbers of the encoder are wrong. */
export function requirePrecision(encoder: AnyEncoder, engine: EngineSpec): EngineSpec {
  const { precisions } = rulesOf(encoder);
  if (precisions === undefined || precisions.allowed.includes(engine.precision)) return engine;
  throw new Unprocessable(`the encoder ${encoder.name} does not compute in ${engine.precision}: ${precisions.why}`, {
    expected: `engine.precision ${precisions.allowed.join(' or ')}`,
  });
}

/** The engine of a sample, in a precision in which the encoder is right. */
export function allowedPrecision(encoder: AnyEncoder, engine: EngineSpec): EngineSpec {
  const { precisions } = rulesOf(encoder);
  const [first] = precisions?.allowed ?? [];
  if (precisions === undefined || first === undefined || precisions.allowed.includes(engine.precision)) return engine;
  return { ...engine, precision: first };
}

function rulesOf(encoder: AnyEncoder) {
  return encoder.runs === 'runner' ? encoder : { precisions: undefined };
}
