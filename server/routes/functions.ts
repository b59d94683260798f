/** @file Functions over HTTP: one POST for each, with the cache, waiting and progress behind it. */
import { Hono } from 'hono';
import { InvalidInput } from '../../errors.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { describeFunction } from '../describe-function.ts';
import { readWait } from '../prefer.ts';
import { sendProblem } from '../problem.ts';
import { readJson } from '../read-body.ts';
import { describeRun, runDocumentSchema, runPath } from '../run-document.ts';

/** What a call waits for its result without a `Prefer` header. */
const DEFAULT_WAIT_SECONDS = 2;

export function createFunctionRoutes({ executor }: ServerDeps): Hono {
  const app = new Hono();

  app.get('/functions', c =>
    c.json({
      functions: [...executor.functions.values()].map(({ name, kind, version, summary }) => ({
        name,
        kind,
        version,
        summary,
      })),
    }),
  );

  app.get('/functions/:name', c => {
    const fn = executor.functions.get(c.req.param('name'));
    return fn === undefined ? c.notFound() : c.json(describeFunction(fn, new URL(c.req.url).origin));
  });

  app.post('/functions/:name', async c => {
    const seconds = readWait(c.req.header('prefer'), DEFAULT_WAIT_SECONDS);
    const skipCache = readFlag(c.req.query('skipCache'), 'skipCache');
    const run = await executor.start(c.req.param('name'), await readJson(c), { skipCache });
    const state = await run.wait(seconds * 1000, c.req.raw.signal);
    const location = runPath(run.action);
    if (state.error) return sendProblem(state.error, location);
    if (state.state !== 'done') return c.json(describeRun(state), 202, { location, 'retry-after': '2' });
    return c.json(describeRun(state), 200, { 'content-location': location, 'x-cache': state.cache ?? 'miss' });
  });

  return app;
}

/** `?flag`, `?flag=true`, `?flag=1` are on. */
function readFlag(value: string | undefined, name: string): boolean {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === '' || value === 'true' || value === '1') return true;
  throw new InvalidInput(`?${name}=${value.slice(0, 50)} is wrong`, { expected: `?${name} or ?${name}=false` });
}

export const functionDocs: readonly RouteDoc[] = [
  { method: 'get', path: '/functions', summary: 'All functions: name, kind, version and a sentence.' },
  { method: 'get', path: '/functions/:name', summary: 'One function: the JSON Schema of its body and a curl line.' },
  {
    method: 'post',
    path: '/functions/:name',
    summary: 'Call a function; the same call again is a hit, or joins the run that goes on.',
    query: { skipCache: 'compute again and replace the result' },
    responses: { 200: 'the result; x-cache says hit or miss', 202: 'it goes on: Location is its run' },
    answer: runDocumentSchema,
  },
];
