/** @file The weights with which a training begins. */
import type { KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Tensors } from '../compiler/engine.ts';
import type { Tensor } from '../compiler/tensor.ts';
import type { PictureSize } from '../model/batch.ts';
import { listParams } from '../model/list-params.ts';
import { mergeLora } from '../model/lora.ts';
import { drawParams } from '../training/load-state.ts';
import { loadWeights } from './checkpoints.ts';

/**
 * All weights of the network before its first step, by name: a pure function of the config.
 * @param size Of a picture that the network can draw.
 */
export async function makeInitialWeights(
  blobs: BlobStore,
  config: KeyedConfig,
  size: PictureSize,
): Promise<Record<string, Tensor>> {
  return drawParams(config, listParams(config.model, size), await loadStart(blobs, config));
}

/** The weights that `init_from` of the config names. An adapter of the other training becomes part of its matrix. */
export async function loadStart(blobs: BlobStore, { init_from, model }: KeyedConfig): Promise<Tensors | undefined> {
  if (init_from === undefined) return undefined;
  if (init_from.checkpoint === undefined) {
    throw new Unprocessable('init_from of the config names an experiment', {
      expected: 'the digest of a checkpoint, as PUT /experiments/NAME writes it',
    });
  }
  const checkpoint = await readCheckpoint(blobs, digestSchema.parse(init_from.checkpoint));
  const before = await readKeyedConfig(blobs, checkpoint.config);
  const weights = await loadWeights(blobs, checkpoint, before, init_from.weights);
  const { lora } = before.model;
  const isSame = lora && model.lora && canonicalJson(lora) === canonicalJson(model.lora);
  return lora && !isSame ? mergeLora(weights, lora) : weights;
}
