/** @file Heals work that misses a nested blob: the blob's maker runs again, once, and then the work does. */
import { BlobMissing } from '../../errors.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { Action } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Makers } from './makers.ts';
import type { RunScope } from './run.ts';

/** Longest chain of makers that run again for one missing blob. */
const MAX_HEALS = 16;

/** A run that misses a blob. */
export interface Healing extends RunScope {
  /** Makers already tried in this chain of runs. */
  readonly healed: Set<Digest>;
}

export interface Healer {
  /** Does the work. If the work misses a blob that can be made again, makes the blob and repeats the work once. */
  heal<T>(work: () => Promise<T>, healing: Healing): Promise<T>;
  /** Makes a missing blob again. @returns Whether the blob is there now. */
  restore(blob: Digest, healing: Healing): Promise<boolean>;
}

/** @param remake Computes the action again and replaces its result. */
export function createHealer(
  makers: Makers,
  blobs: BlobStore,
  remake: (maker: Action, healing: Healing) => Promise<unknown>,
): Healer {
  /** By run: the maker that it waits for. */
  const waiting = new Map<Digest, Digest>();

  /** Whether `from` is `to` or waits for `to`. Then `to` must not wait for `from`. */
  function waitsFor(from: Digest, to: Digest): boolean {
    for (let at: Digest | undefined = from; at !== undefined; at = waiting.get(at)) if (at === to) return true;
    return false;
  }

  async function restore(blob: Digest, healing: Healing): Promise<boolean> {
    const { run, healed } = healing;
    for await (const maker of makers.find(blob, healing.signal)) {
      const digest = canonicalDigest(maker);
      if (healed.has(digest) || waitsFor(digest, run)) continue;
      if (healed.size >= MAX_HEALS) return false;
      healed.add(digest);
      healing.progress({ phase: maker.function, message: `makes a missing blob again: ${blob}` });
      waiting.set(run, digest);
      try {
        await remake(maker, healing);
      } finally {
        waiting.delete(run);
      }
      if ((await blobs.head(blob)) !== undefined) return true;
    }
    return false;
  }

  return {
    restore,
    async heal(work, healing) {
      try {
        return await work();
      } catch (error) {
        const blob = missingBlob(error);
        if (blob === undefined || !(await restore(blob, healing))) throw error;
        return work();
      }
    },
  };
}

/** The blob that an error says is missing. */
function missingBlob(error: unknown): Digest | undefined {
  if (!(error instanceof BlobMissing)) return undefined;
  const digest = error.details.digest ?? /sha256:[0-9a-f]{64}/.exec(error.message)?.[0];
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined;
}
