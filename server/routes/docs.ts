/** @file openapi.json and the page that reads it. */
import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import manifest from '../../package.json' with { type: 'json' };
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { makeOpenApi } from '../openapi.ts';

const page = readFileSync(new URL('../pages/docs.html', import.meta.url), 'utf8');

/** The page runs its own script and talks to this server, and to nothing else. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";

export function createDocRoutes({ executor }: ServerDeps, routes: readonly RouteDoc[]): Hono {
  const app = new Hono();
  app.get('/openapi.json', c => {
    const { origin } = new URL(c.req.url);
    return c.json(makeOpenApi({ routes, functions: executor.functions.values(), origin, version: manifest.version }));
  });
  app.get('/docs', c => c.html(page, 200, { 'content-security-policy': PAGE_POLICY }));
  return app;
}

export const docDocs: readonly RouteDoc[] = [
  { method: 'get', path: '/openapi.json', summary: 'Describe this interface as OpenAPI 3.1.' },
  {
    method: 'get',
    path: '/docs',
    summary: 'Show this interface as a page, with a curl line for each call.',
    produces: 'text/html',
  },
];
