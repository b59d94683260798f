/** @file Makes OpenAPI 3.1 from the table of routes and the schemas that also validate bodies. */
import type { z } from 'zod';
import { problemSchema } from '../formats/problem.ts';
import type { AnyFunction } from '../functions/define.ts';
import type { Json } from '../storage/canonical.ts';
import type { RouteDoc } from './deps.ts';
import { curlLine, describeBody, type JsonSchema, toJsonSchema } from './describe-function.ts';
import { runDocumentSchema } from './run-document.ts';

type JsonObject = { readonly [key: string]: Json };

export interface OpenApiOptions {
  readonly routes: readonly RouteDoc[];
  readonly functions: Iterable<AnyFunction>;
  /** Origin by which the caller reached the server, for the curl lines. */
  readonly origin: string;
  readonly version: string;
}

export function makeOpenApi({ routes, functions, origin, version }: OpenApiOptions): JsonObject {
  const schemas = createSchemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method]: describeRoute(route, origin, schemas) };
  }
  for (const fn of functions) {
    paths[`/functions/${fn.name}`] = { post: describeCall(fn, origin, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Easel',
      version,
      description:
        'Easel trains and runs a text-to-image diffusion transformer. Every call of a pure function is idempotent. ' +
        'Errors are application/problem+json.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: origin }],
    paths,
    components: {
      schemas: schemas.all(),
      responses: {
        Problem: {
          description: 'what was wrong, what was expected, what to do (RFC 9457)',
          content: { 'application/problem+json': { schema: schemas.of(problemSchema, 'Problem') } },
        },
      },
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'EASEL_TOKEN of the server, if set' } },
    },
    security: [{}, { token: [] }],
  };
}

function describeRoute(route: RouteDoc, origin: string, schemas: Schemas): Json {
  const name = operationId(route.method, route.path);
  const type = route.produces ?? 'application/json';
  const answer: JsonObject = route.answer ? { schema: schemas.of(route.answer, `${name}_answer`) } : {};
  const responses = Object.entries(route.responses ?? { 200: 'OK' }).map(([status, description]) => {
    const hasBody = !['204', '304', '416'].includes(status);
    return [status, { description, ...(hasBody && { content: { [type]: answer } }) }] as const;
  });
  return {
    operationId: name,
    summary: route.summary,
    tags: [route.path.split('/')[1] || 'server'],
    parameters: [
      ...pathParameters(route.path).map(key => ({ name: key, in: 'path', required: true, schema: { type: 'string' } })),
      ...Object.entries(route.query ?? {}).map(([key, description]) => ({
        name: key,
        in: 'query',
        description,
        schema: { type: 'string' },
      })),
    ],
    ...(route.body && { requestBody: jsonBody(schemas.of(route.body, `${name}_body`), route.example, route.yaml) }),
    responses: { ...Object.fromEntries(responses), default: { $ref: '#/components/responses/Problem' } },
    'x-codeSamples': [
      { lang: 'Shell', source: curlLine(route.method, `${origin}${openApiPath(route.path)}`, route.example) },
    ],
  };
}

function describeCall(fn: AnyFunction, origin: string, schemas: Schemas): Json {
  const run = { 'application/json': { schema: schemas.of(runDocumentSchema, 'Run') } };
  return {
    operationId: operationId('post', `/functions/${fn.name}`),
    summary: fn.summary,
    tags: ['functions'],
    parameters: [
      {
        name: 'Prefer',
        in: 'header',
        description: 'wait=N: wait up to N seconds for the result (default 2)',
        schema: { type: 'string' },
      },
      {
        name: 'skipCache',
        in: 'query',
        description: 'compute again and replace the result',
        schema: { type: 'boolean' },
      },
    ],
    requestBody: jsonBody(schemas.hoist(describeBody(fn), fn.name), fn.example),
    responses: {
      200: { description: 'the result; x-cache says hit or miss', content: run },
      202: { description: 'the run is under way; Location is its address', content: run },
      default: { $ref: '#/components/responses/Problem' },
    },
    'x-kind': fn.kind,
    'x-codeSamples': [{ lang: 'Shell', source: curlLine('post', `${origin}/functions/${fn.name}`, fn.example) }],
  };
}

/** @param yaml What a body in YAML has. */
function jsonBody(schema: Json, example: unknown, yaml?: string): Json {
  const media = { schema, ...(example !== undefined && { example: JSON.parse(JSON.stringify(example)) }) };
  const text = yaml !== undefined && { 'application/yaml': { schema: { type: 'string', description: yaml } } };
  return { required: true, content: { 'application/json': media, ...text } };
}

interface Schemas {
  /** Returns a reference to the schema, which the document describes once, under its first name. */
  of(schema: z.ZodType, name: string): Json;
  /** Moves the `$defs` of a schema to the components, where references find them. @returns The rest of the schema. */
  hoist(schema: JsonSchema, name: string): Json;
  all(): JsonObject;
}

function createSchemas(): Schemas {
  const components: Record<string, Json> = {};
  const names = new Map<z.ZodType, string>();

  function hoist(schema: JsonSchema, name: string): Json {
    const { $defs, ...rest } = schema;
    const rename = (value: JsonObject): Json =>
      JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', `"#/components/schemas/${name}_`));
    for (const [key, definition] of Object.entries($defs ?? {})) components[`${name}_${key}`] = rename(definition);
    return rename(rest);
  }

  return {
    of(schema, name) {
      const known = names.get(schema) ?? name;
      if (!names.has(schema)) {
        names.set(schema, known);
        components[known] = hoist(toJsonSchema(schema), known);
      }
      return { $ref: `#/components/schemas/${known}` };
    },
    hoist,
    all: () => components,
  };
}

/** `/runs/:action` -> `/runs/{action}` */
export function openApiPath(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

function pathParameters(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(match => match[1] ?? '');
}

function operationId(method: string, path: string): string {
  return [method, ...path.split('/').filter(part => part !== '')]
    .map(part => part.replaceAll(/[^A-Za-z0-9]+/g, '_'))
    .join('_');
}
