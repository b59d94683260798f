/** @file What the config.json of a T5 says that the shapes of its tensors do not: whether the graph is its graph. */
import { z } from 'zod';
import { Unprocessable } from '../../../errors.ts';
import { MOST_DISTANCE } from './relative-buckets.ts';

/** With the values of files that leave a key out. */
const configSchema = z.looseObject({
  feed_forward_proj: z.string().default('relu'),
  relative_attention_max_distance: z.number().default(MOST_DISTANCE),
  layer_norm_epsilon: z.number().default(1e-6),
});

const FORMS: readonly string[] = ['relu', 'gated-gelu'];

/** @param files The file, or none. @throws Unprocessable for a network that the graph of T5 is not. */
export function checkT5Config([file]: readonly Uint8Array[]): void {
  if (file === undefined) return;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file));
  } catch (cause) {
    throw new Unprocessable('config.json of the encoder is not JSON', { cause });
  }
  const { data, error } = configSchema.safeParse(json);
  if (data === undefined) throw new Unprocessable('config.json of the encoder is not that of a T5', { cause: error });
  const { feed_forward_proj: form, relative_attention_max_distance: distance, layer_norm_epsilon: eps } = data;
  if (!FORMS.includes(form)) refuse('feed_forward_proj', form, FORMS.join(' or '));
  if (distance !== MOST_DISTANCE) refuse('relative_attention_max_distance', distance, String(MOST_DISTANCE));
  if (eps !== 1e-6) refuse('layer_norm_epsilon', eps, '1e-6');
}

function refuse(key: string, value: string | number, expected: string): never {
  throw new Unprocessable(`config.json of the encoder has ${key} ${value}`, { expected: `${key} ${expected}` });
}
