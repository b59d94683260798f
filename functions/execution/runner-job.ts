/** @file Runs a function's job on the gpu-runner. */
import { randomUUID } from 'node:crypto';
import { BlobMissing, InvalidInput } from '../../errors.ts';
import type { Job, JobEvent, JobResult } from '../../gpu-runner/protocol.ts';
import { findMissing } from '../../storage/blobs/cas.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { FunctionContext } from '../define.ts';

/**
 * Attempts at a job whose blobs are gone when it answers: others may delete blobs that they share with it meanwhile.
 */
const MAX_ATTEMPTS = 4;

/**
 * A call has no default engine, since the engine decides the bits.
 * @throws InvalidInput if the body names no engine.
 */
export function requireEngine(engine: EngineSpec | undefined): EngineSpec {
  if (engine) return engine;
  throw new InvalidInput('engine is missing', {
    expected: '{ name, precision, threads }: another engine gives other bits, so it is part of the call',
    hint: 'GET /experiments/<name> shows the engine of an experiment; POST /sample and POST .../train fill it in',
  });
}

/**
 * Runs the job under the digest of its content, so that a repeated call joins it after a restart of the server. The
 * runner remembers its last results. If the blobs of a remembered result are gone, the job is sent under a fresh random
 * digest, so that the runner computes it again. (A counter in the digest would not do: the runner may remember that
 * digest too.)
 */
export async function runJob(ctx: FunctionContext, job: Job): Promise<JobResult> {
  for (let attempt = 0; ; attempt++) {
    const key = canonicalDigest(attempt === 0 ? job : { job, again: randomUUID() });
    const result = await ctx.runner.run(key, job, { signal: ctx.signal, onEvent: event => forward(ctx, event) });
    const made = [...Object.values(result.outputs).map(output => output.digest), ...result.links];
    // A remembered result may be old, so its blobs are kept from gc.
    const missing = await findMissing(made, ctx.blobs.keep);
    if (missing === undefined) return result;
    if (attempt === MAX_ATTEMPTS - 1) {
      throw new BlobMissing(`the gpu-runner wrote ${missing}, but the store does not have it`, {
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
