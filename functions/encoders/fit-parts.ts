/** @file Weights of an encoder that are fitted to the data set that it encodes. */
import { Internal } from '../../errors.ts';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';
import type { EffectContext, WeightDigests } from '../define.ts';
import type { AnyEncoder } from './encoder.ts';
import { copyWeights } from './weights.ts';

export interface FitRequest {
  readonly encoder: AnyEncoder;
  /** Of the encoder, as the call has them. */
  readonly options: Readonly<Record<string, Json>>;
  /** Without the fitted parts. */
  readonly weights: WeightDigests;
  readonly engine: Json;
  /** With the pictures. */
  readonly dataset: Digest;
  /** The dataset that the name meant before. */
  readonly before: Dataset | undefined;
}

/**
 * The fitted parts, which `fit-PART` makes. Those of the dataset before stay if the same encoder made its patches, so
 * that new pictures do not change the vectors of the others.
 */
export async function fitParts(
  ctx: Pick<EffectContext, 'call'>,
  request: FitRequest,
): Promise<Record<string, Digest[]>> {
  const { encoder, options, weights, engine, dataset } = request;
  const found: Record<string, Digest[]> = {};
  for (const part of encoder.fitted?.(encoder.options.parse(options)) ?? []) {
    const earlier = earlierPart(request, part);
    if (earlier === undefined) {
      const body = { dataset, encoder: encoder.name, ...options, weights: copyWeights(weights), engine };
      const { basis } = (await ctx.call(`fit-${part}`, body)).result.outputs;
      if (basis === undefined) throw new Internal(`fit-${part} made no basis`);
      found[part] = [basis.digest];
    } else found[part] = earlier;
  }
  return found;
}

function earlierPart({ encoder, options, weights, before }: FitRequest, part: string): Digest[] | undefined {
  const { name, weights: had, ...dims } = before?.encoders.patches ?? { name: '', weights: undefined };
  if (name !== encoder.name || typeof had !== 'object') return undefined;
  const { [part]: fitted, ...others } = had;
  const made = encoder.makes.patches?.(encoder.options.parse(options)) ?? {};
  return canonicalJson([dims, others]) === canonicalJson([{ ...made }, copyWeights(weights)]) ? fitted : undefined;
}
