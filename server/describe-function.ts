/** @file Describes a function for its callers: schema, example and curl line. */
import { z } from 'zod';
import type { AnyFunction } from '../functions/define.ts';
import { bodySchema, digestKeys } from '../functions/execution/parse-call.ts';
import type { Json } from '../storage/canonical.ts';

export type JsonSchema = { readonly [key: string]: Json };

/** JSON Schema of a function's body. A key that takes a digest also takes a name. */
export function describeBody(fn: AnyFunction): JsonSchema {
  const schema = toJsonSchema(bodySchema(fn));
  const properties: Record<string, Json> = { ...(schema.properties as Readonly<Record<string, Json>>) };
  for (const [key, kind] of Object.entries(digestKeys(fn))) {
    if (kind === 'blob') continue;
    const own = properties[key];
    const description =
      kind === 'dataset'
        ? 'a digest, or the name of a dataset'
        : 'a digest, or name@step, name@latest, name@best or name@clean';
    properties[key] = { ...(typeof own === 'object' ? own : {}), type: 'string', pattern: undefined, description };
  }
  return JSON.parse(JSON.stringify({ ...schema, properties }));
}

/** JSON Schema 2020-12, which OpenAPI 3.1 embeds unchanged. */
export function toJsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
  });
  return JSON.parse(JSON.stringify(rest));
}

export function describeFunction(fn: AnyFunction, origin: string): Json {
  return {
    name: fn.name,
    kind: fn.kind,
    version: fn.version,
    summary: fn.summary,
    ...(fn.kind === 'page' ? { needs: [...fn.needs], adds: [...fn.adds] } : {}),
    // The tools of an encoding depend on its encoder.
    ...(fn.kind !== 'effect' && typeof fn.tools === 'object' && { tools: { ...fn.tools } }),
    input: describeBody(fn),
    example: fn.example,
    curl: curlLine('post', `${origin}/functions/${fn.name}`, fn.example),
  };
}

/** A line that works in a POSIX shell. */
export function curlLine(method: string, url: string, body?: unknown): string {
  const verb = method === 'get' ? '' : ` -X ${method.toUpperCase()}`;
  const data =
    body === undefined
      ? ''
      : ` -H 'content-type: application/json' -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`;
  return `curl -s${verb} ${url}${data}`;
}
