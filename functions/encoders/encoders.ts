/** @file The table of encoders. A row is all that a new encoder needs here; configs and datasets name it. */
import { nearestName } from '../../configs/suggest.ts';
import { Unprocessable } from '../../errors.ts';
import { dctEncoder } from './encode-dct.ts';
import type { AnyEncoder, EncoderSource } from './encoder.ts';
import { wordsEncoder } from './words.ts';

export const ENCODERS: readonly AnyEncoder[] = [wordsEncoder, dctEncoder];

/** The versions of all encoders and of their libraries: for calls whose encoders a checkpoint names. */
export const ENCODER_TOOLS: Readonly<Record<string, string>> = Object.assign({}, ...ENCODERS.map(toolsOfEncoder));

/** They enter the actions of what the encoder makes. */
export function toolsOfEncoder({ name, version, tools }: AnyEncoder): Record<string, string> {
  return { [name]: String(version), ...tools };
}

/** The encoders that read a column, in the table's order. */
export function encodersOf(source: EncoderSource): AnyEncoder[] {
  return ENCODERS.filter(({ reads }) => reads === source);
}

/** @throws Unprocessable naming the encoders that there are. */
export function findEncoder(name: string, encoders = ENCODERS): AnyEncoder {
  const encoder = encoders.find(each => each.name === name);
  if (encoder) return encoder;
  const known = encoders.map(each => each.name);
  const nearest = nearestName(name, known);
  throw new Unprocessable(`the encoder "${name}" is not known here`, {
    expected: `one of: ${known.join(', ')}`,
    ...(nearest !== undefined && { hint: `did you mean ${nearest}?` }),
  });
}
