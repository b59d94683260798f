/** @file Registers: learned tokens beside the image tokens (arXiv 2309.16588; entering late, arXiv 2511.13720). */
import { registerBlockOf } from '../../configs/architecture.ts';
import type { ModelConfig } from '../../configs/schema.ts';
import { broadcast, concat, slice } from '../compiler/functions.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import type { Params } from './params.ts';

/** Registers and image tokens between two blocks. */
export interface JoinedTokens {
  /** [batch, count, hidden] */
  readonly registers: Value;
  /** [batch, n, hidden] */
  readonly tokens: Value;
}

/** The registers as they enter block `layer`, [batch, count, hidden]; undefined if they enter elsewhere. */
export function enterRegisters(params: Params, model: ModelConfig, layer: number, batch: number): Value | undefined {
  if (!model.registers || layer !== registerBlockOf(model)) return undefined;
  const shape = [model.registers.count, model.hidden_size];
  return broadcast(params.embedding('registers', shape), [batch, ...shape]);
}

/** [registers | image tokens]. */
export function prependRegisters({ registers, tokens }: JoinedTokens): Value {
  return concat([registers, tokens], 1);
}

/** The inverse of {@link prependRegisters} for `count` registers. */
export function splitRegisters(joined: Value, count: number): JoinedTokens {
  return {
    registers: slice(joined, 1, 0, count),
    tokens: slice(joined, 1, count, joined.shape[1] ?? 0),
  };
}

/** The rotation of [registers | image tokens]: registers have no place. */
export function rotationWithRegisters({ cos, sin }: Rotation, count: number): Rotation {
  const axis = cos.shape.length - 2;
  const join = (table: Value, still: number) => {
    const shape = table.shape.map((size, i) => (i === axis ? count : size));
    return concat([broadcast(table.builder.constant([still], []), shape), table], axis);
  };
  return { cos: join(cos, 1), sin: join(sin, 0) };
}
