/** @file The conditions of a sample job: one row per picture, packed as gpu-runner/protocol.ts says. */

import type { Conditions } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { encodeSafetensors } from '../../formats/safetensors.ts';
import type { EncodableTensor } from '../../formats/tensor.ts';

/** What one text encoder makes of a prompt: vectors f32 [count, dim], count <= the encoder's limit. */
export interface EncodedText {
  readonly count: number;
  readonly data: Float32Array;
}

/** What one image encoder makes of a picture: cls f32 [dim], patches f32 [rows, columns, dim]. */
export interface EncodedImage {
  readonly cls: Float32Array;
  readonly patches: { readonly rows: number; readonly columns: number; readonly data: Float32Array };
}

/** Joints f32 [133, 3]: x and y in [-1, 1] of the picture, confidence in [0, 1]. */
export type Pose = Float32Array;

export interface ConditionRows {
  /** One per picture. */
  readonly texts: readonly EncodedText[];
  /** The same for all pictures. */
  readonly negative?: EncodedText;
  readonly reference?: EncodedImage;
  readonly pose?: Pose;
}

/** @throws Unprocessable when a row is given for a signal that the model was not trained with. */
export function packConditions(conditions: Conditions, rows: ConditionRows): Uint8Array {
  const { text, cls, patches, pose } = conditions;
  if (text === undefined) throw untrained('text', 'a prompt');
  if (rows.pose && !pose) throw untrained('pose', 'a pose');
  if (rows.reference && !cls && !patches) throw untrained('cls or patches', 'a reference picture');
  const n = rows.texts.length;
  const tensors: Record<string, EncodableTensor> = packTexts('text', rows.texts, text);
  if (rows.negative) {
    Object.assign(tensors, packTexts('negative_text', Array<EncodedText>(n).fill(rows.negative), text));
  }
  if (rows.reference && cls) tensors.cls = repeat(rows.reference.cls, n, [cls.dim]);
  if (rows.reference && patches) {
    const { data, rows: height, columns: width } = rows.reference.patches;
    tensors.patches = repeat(data, n, [height, width, patches.dim]);
  }
  if (rows.pose) tensors.pose = repeat(rows.pose, n, [133, 3]);
  return encodeSafetensors(tensors);
}

/** `name` f32 [n, tokens, dim], zero beyond a row's own tokens, and `name`_mask f32 [n, tokens], 1 where there is one. */
function packTexts(
  name: string,
  texts: readonly EncodedText[],
  { tokens, dim }: NonNullable<Conditions['text']>,
): Record<string, EncodableTensor> {
  const data = new Float32Array(texts.length * tokens * dim);
  const mask = new Float32Array(texts.length * tokens);
  for (const [row, text] of texts.entries()) {
    data.set(text.data, row * tokens * dim);
    mask.fill(1, row * tokens, row * tokens + text.count);
  }
  return {
    [name]: { dtype: 'f32', shape: [texts.length, tokens, dim], data },
    [`${name}_mask`]: { dtype: 'f32', shape: [texts.length, tokens], data: mask },
  };
}

function repeat(row: Float32Array, n: number, shape: readonly number[]): EncodableTensor {
  const data = new Float32Array(n * row.length);
  for (let i = 0; i < n; i++) data.set(row, i * row.length);
  return { dtype: 'f32', shape: [n, ...shape], data };
}

function untrained(signal: string, given: string): Unprocessable {
  return new Unprocessable(`the model was trained without ${signal}, so ${given} says nothing to it`, {
    expected: `a model whose config has model.conditions.${signal.split(' ')[0]}`,
    hint: 'leave it out, or train on a dataset that has the signal',
  });
}
