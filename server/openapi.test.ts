import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { registry } from '../functions/registry.ts';
import { ROUTES } from './app.ts';
import { openApiPath } from './openapi.ts';
import { createTestServer, jsonOf } from './testing/server.ts';

const server = createTestServer();
const api = await jsonOf(server.send('GET', '/openapi.json'));

test('OpenAPI describes every route of the app and no other', () => {
  // `all` is the guard, not a route.
  const served = new Set(
    server.app.routes
      .filter(route => route.method !== 'ALL')
      .map(route => `${route.method.toLowerCase()} ${route.path}`),
  );
  const documented = new Set(ROUTES.map(route => `${route.method} ${route.path}`));
  expect(documented).toEqual(served);
  for (const { method, path } of ROUTES) expect(api.paths[openApiPath(path)]?.[method]).toBeDefined();
  for (const name of server.executor.functions.keys())
    expect(api.paths[`/functions/${name}`].post.summary).toBeTruthy();
});

test('docs/http.md lists every route of the app and every function, and no other', () => {
  const page = readFileSync(new URL('../docs/http.md', import.meta.url), 'utf8');
  const calls = [...page.matchAll(/`([A-Z]+(?:, [A-Z]+)*) (\/\S*)`/g)].flatMap(([, methods = '', path = '']) =>
    methods.split(', ').map(method => `${method} ${path}`),
  );
  const routes = ROUTES.map(
    ({ method, path }) =>
      `${method.toUpperCase()} ${path.replaceAll(/:(\w+)/g, (_, name: string) => name.toUpperCase())}`,
  );
  expect(new Set(calls)).toEqual(new Set(routes));
  const [, table = ''] = /^## Functions\n([\s\S]*?)^## /m.exec(page) ?? [];
  const functions = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
  );
  expect(new Set(functions)).toEqual(new Set(registry.map(({ name }) => name)));
});

test('openapi.json has the structure of OpenAPI 3.1', () => {
  expect(api.openapi).toBe('3.1.0');
  expect(api.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  const ids = new Set<string>();
  for (const [path, operations] of Object.entries<Record<string, OperationShape>>(api.paths)) {
    expect(path).toMatch(/^\//);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]);
    for (const [method, operation] of Object.entries(operations)) {
      expect(['get', 'post', 'put', 'patch', 'delete']).toContain(method);
      expect(operation.summary).toMatch(/\S/);
      expect(ids).not.toContain(operation.operationId);
      ids.add(operation.operationId);
      expect(operation.parameters.filter(each => each.in === 'path').map(each => each.name)).toEqual(inPath);
      for (const parameter of operation.parameters) expect(parameter.schema).toBeDefined();
      const statuses = Object.keys(operation.responses);
      expect(statuses).toContain('default');
      for (const status of statuses) expect(status).toMatch(/^[1-5]\d\d$|^default$/);
      for (const answer of Object.values(operation.responses)) expect(answer.description ?? answer.$ref).toBeTruthy();
      expect(operation['x-codeSamples'][0]?.source).toMatch(/^curl -s/);
    }
  }
});

interface OperationShape {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { readonly in: string; readonly name: string; readonly schema: unknown }[];
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly $ref?: string }>>;
  readonly 'x-codeSamples': readonly { readonly source: string }[];
}

test('every reference in openapi.json leads somewhere', () => {
  const references = [...JSON.stringify(api).matchAll(/"\$ref":"([^"]+)"/g)].map(match => match[1] ?? '');
  expect(references.length).toBeGreaterThan(10);
  for (const reference of new Set(references)) {
    const target = reference
      .replace(/^#\//, '')
      .split('/')
      .reduce((node, key) => node?.[key], api);
    expect(target, reference).toBeTypeOf('object');
  }
});

test('the example of every function passes its own schema', async () => {
  for (const fn of server.executor.functions.values()) {
    const answer = await server.send('POST', `/functions/${fn.name}`, fn.example, { prefer: 'wait=0' });
    // Names and digests in examples may be unknown here; a malformed example is a 400.
    expect(answer.status, fn.name).not.toBe(400);
  }
  await server.executor.close();
});

test('the docs page loads nothing from other sites', async () => {
  const page = await (await server.send('GET', '/docs')).text();
  expect(page).toContain('/openapi.json');
  expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
});
