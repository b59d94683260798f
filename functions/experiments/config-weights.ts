/** @file The blobs of weights that a config names: they must be there, and stay as long as the experiment. */
import { z } from 'zod';
import { listFrozenNets } from '../../configs/losses.ts';
import type { Config } from '../../configs/schema.ts';
import { signalsOf } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';

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

/**
 * The config with the weights of the nets that its losses read: those that it names, or the installed ones.
 * @throws Unprocessable when a net is not installed.
 */
export async function completeFrozenNets(store: ObjectStore, config: Config): Promise<Config> {
  const { losses, frozen = {} } = config.objective;
  const missing = listFrozenNets(losses).filter(net => !Object.hasOwn(frozen, net));
  if (missing.length === 0) return config;
  const { models } = createRefs(store);
  const found = await Promise.all(
    missing.map(async net => {
      const model = await models.read(net);
      if (model) return [net, Object.values(model.value.weights).flat()] as const;
      throw new Unprocessable(`objective.losses reads the net "${net}", which is not installed`, {
        expected: `an installed model "${net}", or digests of its weights under objective.frozen.${net}`,
        hint: `easel models install ${net}`,
      });
    }),
  );
  return { ...config, objective: { ...config.objective, frozen: { ...frozen, ...Object.fromEntries(found) } } };
}

function listWeights({ model, objective }: Config): Digest[] {
  const ofEncoders = signalsOf(model.conditions).flatMap(signal => {
    const condition = model.conditions?.[signal];
    return condition && 'weights' in condition ? Object.values(condition.weights ?? {}).flat() : [];
  });
  const ofNets = Object.values(objective.frozen ?? {}).flat();
  return [...new Set([...ofEncoders, ...ofNets].filter(isDigest))];
}
