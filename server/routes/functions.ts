/** @file Functions over HTTP: one POST calls any function, with cache, waiting and progress. */
import { Hono } from 'hono';
import { findFunction } from '../../functions/execution/calls.ts';
import { answerRun } from '../answer-run.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { describeFunction } from '../describe-function.ts';
import { readJson } from '../read-body.ts';
import { readFlag } from '../request-options.ts';
import { runDocumentSchema } from '../run-document.ts';

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
    const fn = findFunction(executor.functions, c.req.param('name'));
    return c.json(describeFunction(fn, new URL(c.req.url).origin));
  });

  app.post('/functions/:name', async c => {
    const skipCache = readFlag(c.req.query('skipCache'), 'skipCache');
    const run = await executor.start(c.req.param('name'), await readJson(c), { skipCache });
    return answerRun(c, run);
  });

  return app;
}

export const functionDocs: readonly RouteDoc[] = [
  { method: 'get', path: '/functions', summary: 'List all functions: name, kind, version and summary.' },
  {
    method: 'get',
    path: '/functions/:name',
    summary: 'Describe a function: the JSON Schema of its body and a curl line.',
  },
  {
    method: 'post',
    path: '/functions/:name',
    summary: 'Call a function. The same call again returns the stored result, or joins the run that is under way.',
    query: { skipCache: 'compute again and replace the result' },
    responses: {
      200: 'the result; x-cache says hit or miss',
      202: 'the run is under way; Location is its address',
    },
    answer: runDocumentSchema,
  },
];
