/** @file The blobs of weights that a config names: they must be there, and stay as long as the experiment. */
import { z } from 'zod';
import type { Config } from '../../configs/schema.ts';
import { signalsOf } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Extends the life of each. @throws Unprocessable when the store does not have one of them. */
export async function keepWeights(blobs: BlobStore, config: Config): Promise<Digest[]> {
  const digests = listWeights(config);
  for (const digest of digests) {
    if ((await blobs.keep(digest)) !== undefined) continue;
    throw new Unprocessable(`the config names the weights ${digest}, which are not stored`, {
      expected: 'digests of stored blobs',
      hint: 'PUT the file to /objects first',
      details: { digest },
    });
  }
  return digests;
}

/** Blobs of the frozen nets that the losses read, by net. Configs know no storage, so they have them as texts. */
export function frozenNetsOf({ objective }: Pick<Config, 'objective'>): Record<string, Digest[]> | undefined {
  return objective.frozen && frozenNets.parse(objective.frozen);
}

const frozenNets = z.record(z.string(), z.array(digestSchema));

function listWeights({ model, objective }: Config): Digest[] {
  const ofEncoders = signalsOf(model.conditions).flatMap(signal => {
    const condition = model.conditions?.[signal];
    return condition && 'weights' in condition ? Object.values(condition.weights ?? {}).flat() : [];
  });
  const ofNets = Object.values(objective.frozen ?? {}).flat();
  return [...new Set([...ofEncoders, ...ofNets].filter(isDigest))];
}
