/** @file The table of encoders. A new encoder needs only a row here; configs and datasets name it. */
import type { Conditions, SignalName } from '../../configs/signals.ts';
import { nearestName } from '../../configs/suggest.ts';
import { Unprocessable } from '../../errors.ts';
import { clipEncoders } from './clip.ts';
import { dinoEncoders } from './dino.ts';
import { dwposeEncoder } from './dwpose.ts';
import { efficientnetEncoders } from './efficientnet.ts';
import { dctEncoder } from './encode-dct.ts';
import type { AnyEncoder, EncoderSource } from './encoder.ts';
import { minilmEncoder } from './minilm.ts';
import { t5Encoders } from './t5.ts';
import { wordsEncoder } from './words.ts';

export const ENCODERS: readonly AnyEncoder[] = [
  wordsEncoder,
  minilmEncoder,
  ...t5Encoders,
  dctEncoder,
  ...efficientnetEncoders,
  ...dinoEncoders,
  ...clipEncoders,
  dwposeEncoder,
];

/** Encoders whose first version stands in old actions. */
const FIRST_NAMED: readonly string[] = ['words', 'dct', 'efficientnet-lite0'];
/** Libraries that came later, in the version that old actions do not name. */
const FIRST_LIBRARIES: Readonly<Record<string, string>> = { '@huggingface/tokenizers': '0.2.0' };

/**
 * Versions of encoders and of their libraries, for calls whose encoders a checkpoint names. Later ones enter with their
 * second version, so that a new encoder does not change the actions of checkpoints that do not know it.
 */
export const ENCODER_TOOLS: Readonly<Record<string, string>> = Object.assign(
  {},
  ...ENCODERS.map(encoder => {
    const { [encoder.name]: version, ...libraries } = toolsOfEncoder(encoder);
    const isNamed = encoder.version > 1 || FIRST_NAMED.includes(encoder.name);
    const changed = Object.entries(libraries).filter(([name, each]) => FIRST_LIBRARIES[name] !== each);
    return { ...(isNamed && version !== undefined && { [encoder.name]: version }), ...Object.fromEntries(changed) };
  }),
);

/** Versions of an encoder and of its libraries. They enter the actions of its columns. */
export function toolsOfEncoder({ name, version, tools }: AnyEncoder): Record<string, string> {
  return { [name]: String(version), ...tools };
}

/** The conditions with the norm that each encoder names for its vectors, unless they have one. */
export function completeNorms({ cls, patches, ...others }: Conditions, encoders = ENCODERS): Conditions {
  const normOf = (signal: SignalName, name: string) =>
    encoders.find(encoder => encoder.name === name)?.norms?.[signal] ?? 'rms';
  return {
    ...others,
    ...(cls && { cls: { norm: normOf('cls', cls.encoder), ...cls } }),
    ...(patches && { patches: { norm: normOf('patches', patches.encoder), ...patches } }),
  };
}

/** Encoders that read a column, in the order of the table. */
export function encodersOf(source: EncoderSource): AnyEncoder[] {
  return ENCODERS.filter(({ reads }) => reads === source);
}

/** @throws Unprocessable with the known names. */
export function findEncoder(name: string, encoders = ENCODERS): AnyEncoder {
  const encoder = encoders.find(each => each.name === name);
  if (encoder) return encoder;
  const known = encoders.map(each => each.name);
  const nearest = nearestName(name, known);
  throw new Unprocessable(`there is no encoder "${name}"`, {
    expected: `one of: ${known.join(', ')}`,
    ...(nearest !== undefined && { hint: `did you mean ${nearest}?` }),
  });
}
