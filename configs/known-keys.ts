/** @file The keys that a schema knows, to tell what an unknown one may mean. */

/** Of a JSON Schema (2020-12). */
export interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** @param path Keys of objects and records, and places of arrays, that lead to an object. */
export function knownKeys(schema: SchemaNode, path: readonly string[]): string[] {
  let nodes = formsOf(schema);
  for (const key of path) nodes = nodes.flatMap(node => childrenOf(node, key)).flatMap(formsOf);
  return [...new Set(nodes.flatMap(node => Object.keys(node.properties ?? {})))];
}

/** The forms of a union; else the schema itself. */
function formsOf(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf?.flatMap(formsOf) ?? [node];
}

function childrenOf({ properties = {}, additionalProperties: others, items }: SchemaNode, key: string): SchemaNode[] {
  const child = (Object.hasOwn(properties, key) ? properties[key] : undefined) ?? others ?? items;
  return typeof child === 'object' ? [child] : [];
}
