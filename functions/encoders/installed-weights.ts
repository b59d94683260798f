import { Unprocessable } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { AnyEncoder } from './encoder.ts';
import { installHint, pickWeights, requireWeights } from './weights.ts';

/**
 * The weights of an encoder that the store has under its name; none for an encoder without weights.
 * @throws Unprocessable if they are not installed, InvalidInput if they have other parts.
 */
export async function findWeights(store: ObjectStore, encoder: AnyEncoder): Promise<Record<string, Digest[]>> {
  if (encoder.weights === undefined) return {};
  const model = await createRefs(store).models.read(encoder.name);
  if (model) {
    // A model may have parts that this encoder does not read.
    return requireWeights(encoder, pickWeights(encoder, model.value.weights));
  }
  throw new Unprocessable(`the encoder ${encoder.name} needs weights, which are not installed`, {
    expected: `the weights of ${encoder.name} in the store`,
    hint: installHint(encoder.name),
  });
}
