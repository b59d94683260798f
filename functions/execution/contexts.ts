/**
 * @file The context of a function: blobs, progress, the gpu-runner, the task pool. The context of an effect also has
 * the store and other functions.
 */
import { defaultCacheFolder } from '../../configs/cache-folder.ts';
import { HUB_ENDPOINT } from '../../configs/model-sources.ts';
import type { HubAccess } from '../../downloads/hub-access.ts';
import { Busy } from '../../errors.ts';
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import type { Clock } from '../../storage/clock.ts';
import type { LeaseTerms } from '../../storage/names/lease.ts';
import type { ObjectStore, StreamedBlobStore } from '../../storage/types.ts';
import type { CallOptions, Describer, EffectContext, FunctionContext, ServerAddress } from '../define.ts';
import type { TaskPool } from './pool.ts';
import type { RunScope } from './run.ts';

/** The parts of the site that functions work with. */
export interface ContextParts {
  readonly store: ObjectStore;
  readonly blobs: StreamedBlobStore;
  readonly runner: RunnerClient;
  /** Absent: no server describes pictures. */
  readonly describer?: Describer | undefined;
  readonly pool: TaskPool;
  readonly importRoots: readonly string[];
  /** Default: none. */
  readonly importBuckets?: readonly string[];
  readonly clock: Clock;
  /** Where fetch-models finds weights; default: Hugging Face, without a token. */
  readonly hub?: HubAccess;
  /** Terms of the leases of experiments; default: 30 s by `clock`. */
  readonly lease?: LeaseTerms;
  /** Where this server is reached; undefined until it listens. */
  readonly address?: (() => ServerAddress | undefined) | undefined;
}

/** For servers and tests without models. */
export const NO_DESCRIBER: Describer = {
  concurrency: 1,
  models: {},
  describe: () => Promise.reject(new Busy('no model that describes pictures is configured')),
};

export function makeContext(parts: ContextParts, { signal, progress }: RunScope): FunctionContext {
  return {
    blobs: parts.blobs,
    signal,
    progress,
    runner: parts.runner,
    describer: parts.describer ?? NO_DESCRIBER,
    task: (name, input) => parts.pool.run(name, input, signal),
  };
}

/** Calls of an effect stop with its run, and report their progress there unless the effect listens itself. */
export function makeEffectContext(
  parts: ContextParts,
  run: RunScope,
  { call, callEffect, restore }: Pick<EffectContext, 'call' | 'callEffect' | 'restore'>,
): EffectContext {
  const nested = (given: CallOptions = {}): CallOptions => ({
    onEvent: run.progress,
    ...given,
    signal: given.signal ? AbortSignal.any([run.signal, given.signal]) : run.signal,
  });
  return {
    ...makeContext(parts, run),
    store: parts.store,
    importRoots: parts.importRoots,
    importBuckets: parts.importBuckets ?? [],
    lease: parts.lease ?? { clock: parts.clock },
    now: parts.clock.now,
    hub: parts.hub ?? { endpoint: HUB_ENDPOINT, cacheFolder: defaultCacheFolder() },
    address: parts.address,
    call: (name, body, given) => call(name, body, nested(given)),
    callEffect: (name, body, given) => callEffect(name, body, nested(given)),
    restore,
  };
}
