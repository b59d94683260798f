/** @file Types that a JSON Schema takes at a place, so that a word that looks like JSON can be text. */
import { z } from 'zod';

type Type = 'string' | 'number' | 'boolean' | 'null' | 'array' | 'object';
/** Types that a place takes; undefined: any, or unknown. */
export type Types = ReadonlySet<Type> | undefined;

const nodeSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
});
type Node = z.output<typeof nodeSchema>;

/**
 * @param schema A JSON Schema (2020-12) of an object.
 * @param path Keys that lead to the place.
 */
export function typesAt(schema: unknown, path: readonly string[]): Types {
  let nodes = listForms(schema, schema);
  for (const key of path) {
    nodes = nodes.flatMap(({ properties = {}, additionalProperties }) =>
      Object.hasOwn(properties, key)
        ? listForms(schema, properties[key])
        : typeof additionalProperties === 'object'
          ? listForms(schema, additionalProperties)
          : [],
    );
  }
  const types = nodes.map(typesOf);
  return types.length === 0 || types.includes(undefined) ? undefined : new Set(types.flatMap(each => each ?? []));
}

export function typeOf(value: unknown): Type {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object';
}

/** A schema without references and alternatives: each form that a value may have. */
function listForms(root: unknown, schema: unknown): Node[] {
  const { data: node } = nodeSchema.safeParse(schema);
  if (node === undefined) return [];
  if (node.$ref !== undefined) return listForms(root, follow(root, node.$ref));
  const forms = node.anyOf ?? node.oneOf;
  return forms === undefined ? [node] : forms.flatMap(each => listForms(root, each));
}

/** `#/$defs/name` */
function follow(root: unknown, reference: string): unknown {
  const path = reference.replace(/^#\//, '').split('/');
  return path.reduce<unknown>((node, key) => z.looseObject({}).safeParse(node).data?.[key], root);
}

function typesOf({ type, enum: values, const: value }: Node): Type[] | undefined {
  if (type !== undefined) return [type].flat().map(each => (each === 'integer' ? 'number' : each) as Type);
  if (values !== undefined) return values.map(typeOf);
  return value === undefined ? undefined : [typeOf(value)];
}
