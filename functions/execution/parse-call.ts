/** @file Parses a flat body into the parts of an action: params, input digests (names resolved), engine. */
import { z } from 'zod';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import { type Digest, digestOf, isDigest } from '../../storage/digest.ts';
import { type Action, digestSchema, type EngineSpec, engineSpecSchema } from '../../storage/records.ts';
import type { AnyFunction, WeightDigests } from '../define.ts';
import { checkBody, invalidBody } from './check-body.ts';

export type DigestKind = 'dataset' | 'experiment' | 'blob';

export interface ParsedCall {
  /** The parsed body with its digests: the input of `run`. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly params: Action['params'];
  readonly inputs: Readonly<Record<string, Digest>>;
  readonly engine?: EngineSpec;
  readonly weights?: WeightDigests;
  /** Digests of the keys that were given as names. */
  readonly resolved: Readonly<Record<string, Digest>>;
}

/** Keys of a body that hold digests. Page functions take one dataset. */
export function digestKeys(fn: AnyFunction): Readonly<Record<string, DigestKind>> {
  return fn.kind === 'page' ? { dataset: 'dataset' } : (fn.digests ?? {});
}

/** Of the inputs of an action: `weights.PART.INDEX`. */
const WEIGHTS_PREFIX = 'weights.';
const weightsSchema = z.record(z.string().regex(/^[a-z0-9_-]+$/), z.array(digestSchema).min(1));

const bodySchemas = new WeakMap<AnyFunction, z.ZodObject>();

/** The strict schema of a whole body, with `dataset` for page functions, and `engine` if the action has one. */
export function bodySchema(fn: AnyFunction): z.ZodObject {
  const known = bodySchemas.get(fn);
  if (known) return known;
  const input: z.ZodObject = fn.input;
  const added = {
    ...(fn.kind === 'page' && { dataset: digestSchema }),
    ...(usesEngine(fn) && !('engine' in input.shape) && { engine: engineSpecSchema.optional() }),
    ...(usesWeights(fn) && { weights: weightsSchema.optional() }),
  };
  const schema = (Object.keys(added).length > 0 ? input.safeExtend(added) : input).strict();
  bodySchemas.set(fn, schema);
  return schema;
}

/**
 * Reports all mistakes of the body together, before it looks up any name.
 * @param resolve Returns the digest that a name stands for. @throws NotFound
 * @throws InvalidInput
 */
export async function parseCall(
  fn: AnyFunction,
  body: Json,
  resolve: (kind: DigestKind, name: string, key: string) => Promise<Digest>,
): Promise<ParsedCall> {
  const schema = bodySchema(fn);
  const keys = digestKeys(fn);
  const what = `the body of ${fn.name}`;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidBody([{ pointer: '', detail: 'expected a JSON object' }], what);
  }
  const given: Record<string, unknown> = { ...body };
  const names = Object.entries(keys).flatMap(([key, kind]) => {
    const value = given[key];
    return kind !== 'blob' && typeof value === 'string' && !isDigest(value) && !value.startsWith('sha256:')
      ? [{ key, kind, name: value }]
      : [];
  });
  // Any digest will do here: the schema checks the shape of the body before a name costs a look-up.
  for (const { key } of names) given[key] = digestOf('');
  const parsed = checkBody(schema, given, what);
  const resolved: Record<string, Digest> = {};
  for (const { key, kind, name } of names) resolved[key] = await resolve(kind, name, key);

  const { engine, weights, input } = takeApart(fn, { ...parsed, ...resolved });
  const inputs: Record<string, Digest> = {};
  const params: Record<string, unknown> = { ...input };
  for (const key of Object.keys(keys)) {
    const value = params[key];
    delete params[key];
    if (typeof value === 'string' && isDigest(value)) inputs[key] = value;
  }
  for (const [part, digests] of Object.entries(weights ?? {})) {
    for (const [index, digest] of digests.entries()) inputs[`${WEIGHTS_PREFIX}${part}.${index}`] = digest;
  }
  return {
    input: { ...input, ...(engine && { engine }), ...(weights && { weights }) },
    // Canonical form leaves out undefined values, and refuses values without a JSON form.
    params: JSON.parse(canonicalJson(params as Json)),
    inputs,
    ...(engine && { engine }),
    ...(weights && { weights }),
    resolved,
  };
}

/** The body that a call was made of, so that it can be made again. */
export function bodyOf({ params, inputs, engine }: Action): Json {
  const weights: Record<string, Digest[]> = {};
  const others: Record<string, Digest> = {};
  for (const [key, digest] of Object.entries(inputs)) {
    const [part, index] = key.startsWith(WEIGHTS_PREFIX) ? key.slice(WEIGHTS_PREFIX.length).split('.') : [];
    if (part === undefined || index === undefined) others[key] = digest;
    else weights[part] = Object.assign(weights[part] ?? [], { [index]: digest });
  }
  return { ...params, ...others, ...(Object.keys(weights).length > 0 && { weights }), ...(engine && { engine }) };
}

/** Engine and weights apart from the input, where the function has them; the input with all its defaults. */
function takeApart(fn: AnyFunction, body: Readonly<Record<string, unknown>>) {
  const { engine, weights, ...rest } = body;
  const input: Record<string, unknown> = {
    ...rest,
    ...(!usesEngine(fn) && engine !== undefined && { engine }),
    ...(!usesWeights(fn) && weights !== undefined && { weights }),
  };
  return {
    engine: usesEngine(fn) && engine !== undefined ? engineSpecSchema.parse(engine) : undefined,
    weights: usesWeights(fn) && weights !== undefined ? weightsSchema.parse(weights) : undefined,
    input: complete(fn, input),
  };
}

function complete(fn: AnyFunction, input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (fn.kind !== 'page' || fn.complete === undefined) return input;
  const { dataset, ...own } = input;
  return { ...fn.complete(own), dataset };
}

function usesEngine(fn: AnyFunction): boolean {
  return fn.kind !== 'effect' && fn.usesEngine === true;
}

function usesWeights(fn: AnyFunction): boolean {
  return fn.kind === 'page' && fn.usesWeights === true;
}
