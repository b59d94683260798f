/** @file Whether the server, its store and its runner are there. */
import { Hono } from 'hono';
import { z } from 'zod';
import { describeError } from '../../functions/execution/thrown.ts';
import { runnerStatusSchema } from '../../gpu-runner/protocol.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { VERSION } from '../version.ts';

const RUNNER_TIMEOUT_MS = 2000;

const healthSchema = z.strictObject({
  v: z.literal(1),
  status: z.literal('ok'),
  version: z.string(),
  store: z.string(),
  /** Absent without an S3 endpoint of this server's own. */
  s3: z.strictObject({ url: z.string(), bucket: z.string() }).optional(),
  /** Absent without a reachable runner: data stages work, training and sampling do not. */
  runner: runnerStatusSchema.optional(),
  runner_problem: z.string().optional(),
});

export function createHealthRoutes({ store, runner, env, s3 }: ServerDeps): Hono {
  const app = new Hono();

  app.get('/health', async c => {
    // It needs no token, so it tells a stranger nothing but that the server is up.
    const known = env.token === undefined || c.req.header('authorization') !== undefined;
    if (!known) return c.json({ v: 1, status: 'ok', version: VERSION });
    const found = await askRunner(runner.status());
    return c.json({ v: 1, status: 'ok', version: VERSION, store: store.url, ...(s3 && { s3 }), ...found });
  });

  return app;
}

async function askRunner<T>(status: Promise<T>): Promise<{ readonly runner: T } | { readonly runner_problem: string }> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${RUNNER_TIMEOUT_MS} ms`)), RUNNER_TIMEOUT_MS);
  try {
    return { runner: await Promise.race([status, late.promise]) };
  } catch (error) {
    return { runner_problem: describeError(error).message };
  } finally {
    clearTimeout(timer);
  }
}

export const healthDocs: readonly RouteDoc[] = [
  { method: 'get', path: '/health', summary: 'Version, store, and the state of the gpu-runner.', answer: healthSchema },
];
