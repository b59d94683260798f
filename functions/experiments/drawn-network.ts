/** @file The network that `draw` draws by: a checkpoint, or the weights before the first step of a training. */
import { z } from 'zod';
import { MOST_TRACES } from '../../configs/bounds.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { Internal } from '../../errors.ts';
import type { JobNetwork } from '../../gpu-runner/protocol.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { digestSchema, type Note } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { drawnWeightsSchema } from './drawn-index.ts';
import { resolveWeights } from './sample-weights.ts';

export const networkShape = {
  checkpoint: digestSchema
    .optional()
    .describe('checkpoint, or the name of an experiment with @step, @latest, @best or @clean'),
  config: digestSchema
    .optional()
    .describe('of the weights initial, instead of checkpoint: digest of the config that a checkpoint names'),
  weights: drawnWeightsSchema.default('ema').describe('as in sample; initial: those before the first step'),
  traces: z.array(digestSchema).max(MOST_TRACES).optional().describe('as in sample'),
} as const;

const networkSchema = z.object(networkShape);
type NetworkRequest = z.infer<typeof networkSchema>;

/** The weights before the first step depend on the config alone, so that no checkpoint enters their action. */
export function checkNetwork(request: NetworkRequest, ctx: z.core.$RefinementCtx): void {
  const [wanted, other] =
    request.weights === 'initial' ? (['config', 'checkpoint'] as const) : (['checkpoint', 'config'] as const);
  const named = request.weights === 'initial' ? 'the weights initial' : 'weights of a training';
  const refuse = (path: string, message: string) =>
    ctx.addIssue({ code: 'custom', path: [path], message, input: request[other] });
  if (request[wanted] === undefined) refuse(wanted, `is missing, and ${named} need it`);
  if (request[other] !== undefined) refuse(other, `does not go with ${named}`);
}

interface FoundNetwork {
  readonly network: JobNetwork;
  readonly config: KeyedConfig;
  readonly notes: readonly Note[];
}

/** @throws Unprocessable if there is no such average; BlobMissing */
export async function findNetwork(blobs: BlobStore, request: NetworkRequest): Promise<FoundNetwork> {
  const { checkpoint, config: start, weights, traces } = request;
  if (start !== undefined)
    return { network: { config: start }, config: await readKeyedConfig(blobs, start), notes: [] };
  if (checkpoint === undefined || weights === 'initial') throw new Internal('the call names no network');
  const found = await resolveWeights(blobs, { checkpoint, weights, traces });
  const config = await readKeyedConfig(blobs, (await readCheckpoint(blobs, checkpoint)).config);
  return { network: { checkpoint, weights: found.weights }, config, notes: found.notes };
}
