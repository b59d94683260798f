/** @file How a function has the gpu-runner do its work. */
import { randomUUID } from 'node:crypto';
import { BlobMissing, InvalidInput } from '../../errors.ts';
import type { Job, JobEvent, JobResult } from '../../gpu-runner/protocol.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import { findMissing } from '../../storage/find-missing.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { FunctionContext } from '../define.ts';

/** How often an answer whose blobs are gone is asked for anew: others may delete what they share with it while it is made. */
const MAX_ATTEMPTS = 4;

/** @throws InvalidInput when the body did not say on which engine: it decides the bits, so there is no default here. */
export function requireEngine(engine: EngineSpec | undefined): EngineSpec {
  if (engine) return engine;
  throw new InvalidInput('engine is missing', {
    expected: '{ name, precision, threads }: another engine gives other bits, so it is part of the call',
    hint: 'GET /experiments/<name> shows the engine of an experiment; POST /sample and POST .../train fill it in',
  });
}

/**
 * Runs the job under the digest of its own content, so that a call that comes again after a server restart joins it.
 * The runner remembers its last results: one whose blobs were deleted since is asked for under a digest that nobody has used, which
 * recomputes it. (A counted one may be remembered, too: equal chunks of many experiments are made and pruned over and over.)
 */
export async function runJob(ctx: FunctionContext, job: Job): Promise<JobResult> {
  for (let attempt = 0; ; attempt++) {
    const key = canonicalDigest(attempt === 0 ? job : { job, again: randomUUID() });
    const result = await ctx.runner.run(key, job, { signal: ctx.signal, onEvent: event => forward(ctx, event) });
    const made = [...Object.values(result.outputs).map(output => output.digest), ...result.links];
    // Kept: what it remembers it may have written long ago.
    const missing = await findMissing(made, ctx.blobs.keep);
    if (missing === undefined) return result;
    if (attempt === MAX_ATTEMPTS - 1) {
      throw new BlobMissing(`the gpu-runner says that it wrote ${missing}, and the store does not have it`, {
        expected: 'server and gpu-runner on one object store',
        details: { digest: missing },
      });
    }
  }
}

function forward(ctx: FunctionContext, event: JobEvent): void {
  if (event.type === 'queued') {
    ctx.progress({ phase: 'queued', message: `${event.position} before it` });
  } else if (event.type === 'progress') {
    const { type: _, ...progress } = event;
    ctx.progress(progress);
  }
}
