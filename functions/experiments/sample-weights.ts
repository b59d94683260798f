/** @file The weights that pictures are made of: one of the averages of a checkpoint, or one made of several. */
import { averagesOf, type WeightChoice } from '../../configs/averages.ts';
import { MOST_TRACES } from '../../configs/bounds.ts';
import { combineTraces } from '../../configs/post-hoc-average.ts';
import { spreadCheckpoints } from '../../configs/spread-checkpoints.ts';
import { Unprocessable } from '../../errors.ts';
import type { JobWeights } from '../../gpu-runner/protocol.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { splitName } from '../execution/names.ts';
import { readHead } from './experiment-head.ts';

/** A made average is told about when its profile is farther from the wanted one. */
const FAR = 0.1;
/** Traces with a smaller factor are left out: they are below the rounding of f32. */
const SMALLEST_FACTOR = 1e-7;

/** The checkpoints of which an average of the wanted length can be made; undefined if none is wanted. */
export function tracesFor(head: ExperimentHead, weights: WeightChoice | undefined): Digest[] | undefined {
  if (typeof weights !== 'object' || !('sigma_rel' in weights)) return undefined;
  // Not those of another training, with whose weights this one began.
  return spreadCheckpoints(listKept(head), MOST_TRACES).spaced.map(({ checkpoint }) => checkpoint);
}

/** {@link tracesFor} a name of an experiment; undefined for a checkpoint, which has its own traces only. */
export async function findTraces(
  { store }: { readonly store: ObjectStore },
  model: string,
  weights: WeightChoice,
): Promise<Digest[] | undefined> {
  if (model.startsWith('sha256:') || typeof weights !== 'object') return undefined;
  return tracesFor((await readHead(store, splitName(model, 'model').name)).value, weights);
}

interface Request {
  readonly checkpoint: Digest;
  readonly weights: WeightChoice;
  readonly traces?: readonly Digest[] | undefined;
}

export interface ResolvedWeights {
  readonly weights: JobWeights;
  readonly notes: readonly Note[];
}

/**
 * The weights as the gpu-runner reads them. An average of another length is a sum of the power traces that are stored.
 * @throws Unprocessable if there is no such average; BlobMissing
 */
export async function resolveWeights(
  blobs: BlobStore,
  { checkpoint, weights, traces = [] }: Request,
): Promise<ResolvedWeights> {
  const last = await readCheckpoint(blobs, checkpoint);
  const { optimizer } = await readKeyedConfig(blobs, last.config);
  if (typeof weights !== 'object') return { weights, notes: [] };
  if ('average' in weights) {
    const count = averagesOf(optimizer).length;
    if (weights.average < count) return { weights, notes: [] };
    throw new Unprocessable(`the training has no average ${weights.average}`, {
      expected: `a number from 0 to ${count - 1}: a place in optimizer.ema_gammas followed by optimizer.ema_decays`,
    });
  }
  const stored = [];
  for (const digest of new Set([...traces, checkpoint])) {
    const { step, config } = digest === checkpoint ? last : await readCheckpoint(blobs, digest);
    const of = (await readKeyedConfig(blobs, config)).optimizer;
    if (step > last.step || canonicalJson(of.ema_gammas) !== canonicalJson(optimizer.ema_gammas)) continue;
    stored.push(...of.ema_gammas.map((gamma, average) => ({ checkpoint: digest, average, step, gamma })));
  }
  const { factors, error } = combineTraces(stored, last.step, weights.sigma_rel);
  const used = stored.flatMap(({ checkpoint: of, average }, i) => {
    const factor = factors[i] ?? 0;
    return Math.abs(factor) < SMALLEST_FACTOR ? [] : [{ checkpoint: of, average, factor }];
  });
  return { weights: { traces: used }, notes: error > FAR ? [noteFar(weights.sigma_rel, error)] : [] };
}

function noteFar(sigma: number, error: number): Note {
  const text =
    `an average of the relative length ${sigma} can be made of the stored ones only roughly: its profile is ` +
    `${Math.round(100 * error)} % off; run.keep_spaced and two of optimizer.ema_gammas, as [6.94, 16.97], store more`;
  return { code: 'average_far', count: 1, text, examples: [] };
}
