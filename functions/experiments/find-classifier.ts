/** @file A classifier of pictures that the store has under a name, and the engine that it runs on. */
import { PICTURE_NET_PARTS } from '../../configs/picture-net.ts';
import { NotFound, Unprocessable } from '../../errors.ts';
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { type EngineRequest, resolveEngine } from './resolve-engine.ts';

export interface FoundClassifier {
  readonly engine: EngineSpec;
  readonly weights: Record<string, Digest[]>;
}

/**
 * @param earlier Engine of the pictures that the dataset has already; it stays unless one is asked for.
 * @throws NotFound, Unprocessable when the model of that name is no classifier, Busy when no runner answers.
 */
export async function findClassifier(
  { store, runner }: { readonly store: ObjectStore; readonly runner: RunnerClient },
  name: string,
  asked: EngineRequest | undefined,
  earlier: EngineSpec | undefined,
): Promise<FoundClassifier> {
  const model = await createRefs(store).models.read(name);
  if (model === undefined) {
    throw new NotFound(`there is no model "${name}" in the store`, {
      expected: 'the name of a classifier',
      hint: `store its files, and name them: PUT /models/${name}`,
    });
  }
  const weights: Record<string, Digest[]> = {};
  for (const part of PICTURE_NET_PARTS) {
    const digests = model.value.weights[part];
    if (digests === undefined) {
      throw new Unprocessable(`the model "${name}" has no part "${part}": it is no classifier`, {
        expected: `the parts ${PICTURE_NET_PARTS.join(', ')}: an ONNX file, and JSON that describes it`,
      });
    }
    weights[part] = [...digests];
  }
  const engine = asked === undefined && earlier ? earlier : resolveEngine(await runner.status(), asked ?? 'auto');
  return { engine, weights };
}
