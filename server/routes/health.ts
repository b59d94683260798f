/** @file The health of the server, its store and its gpu-runner. */
import { Hono } from 'hono';
import { z } from 'zod';
import { describeError } from '../../errors-wire.ts';
import { runnerStatusSchema } from '../../gpu-runner/protocol.ts';
import manifest from '../../package.json' with { type: 'json' };
import type { RouteDoc, ServerDeps } from '../deps.ts';

const RUNNER_TIMEOUT_MS = 2000;

const healthSchema = z.strictObject({
  v: z.literal(1),
  status: z.literal('ok'),
  version: z.string(),
  store: z.string(),
  /** Folders of the server's machine that imports may read. */
  import_roots: z.array(z.string()),
  /** Places of buckets that imports may read. */
  import_buckets: z.array(z.string()),
  /** Absent if this server has no S3 endpoint. */
  s3: z.strictObject({ url: z.string(), bucket: z.string() }).optional(),
  /** Absent if no gpu-runner is reachable. Data stages then work; training and sampling do not. */
  runner: runnerStatusSchema.optional(),
  runner_problem: z.string().optional(),
});

export function createHealthRoutes({ store, runner, env, s3 }: ServerDeps): Hono {
  const app = new Hono();

  app.get('/health', async c => {
    // This call needs no token. So without one it says only that the server is up.
    const known = env.token === undefined || c.req.header('authorization') !== undefined;
    if (!known) return c.json({ v: 1, status: 'ok', version: manifest.version });
    const found = await askRunner(runner.status());
    const own = { store: store.url, import_roots: [...env.importRoots], import_buckets: [...env.importBuckets] };
    return c.json({ v: 1, status: 'ok', version: manifest.version, ...own, ...(s3 && { s3 }), ...found });
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
  {
    method: 'get',
    path: '/health',
    summary:
      'Show the version, the store and the state of the gpu-runner. With a token set, only callers that send it ' +
      'see more than the version.',
    answer: healthSchema,
  },
];
