/** @file Writes docs/config.md, a table of all keys of a config: `node tools/make-config-table.ts`. */
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { LOSS_SHAPES } from '../configs/loss-options.ts';
import { configSchema } from '../configs/schema.ts';

const PAGE = new URL('../docs/config.md', import.meta.url);

/** The part of JSON Schema 2020-12 that zod makes of configs. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly propertyNames?: unknown;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** The page, by the schema. */
export function formatConfigTable(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input' }) as Schema;
  return [
    '# Config',
    '',
    'A config describes an experiment: `PUT /experiments/NAME` takes it under `config`, as an object, or as the name of',
    'a [preset](presets.md). An object may name a preset under `preset` and override keys of it; null removes a key.',
    'Text in YAML is taken, too, also [the config of the original project](seed.md).',
    'Every key has a default or may be absent. An unknown key is an error. `NAME` stands for a name that you choose.',
    '',
    '`seed`, `model`, `objective`, `optimizer` and `data` decide the weights. `run` changes no bit of them:',
    '`PUT` with other keys of `run` is taken at any time, and holds from the next chunk on. `run.target` is changed by',
    '`POST /experiments/NAME/train {"target": N}`.',
    '',
    '| key | values | default |',
    '| --- | ------ | ------- |',
    ...rowsOf(schema, []),
    '',
    'The own keys of each loss ([losses.md](losses.md)):',
    '',
    '| key | values | default |',
    '| --- | ------ | ------- |',
    ...Object.entries(LOSS_SHAPES).flatMap(([name, shape]) => {
      const own = z.toJSONSchema(z.strictObject(shape), { io: 'input' }) as Schema;
      return rowsOf(own, ['objective', 'losses', name]);
    }),
    '',
    'What the keys mean, and which combinations are refused, stands beside each key in',
    '[configs/schema.ts](../configs/schema.ts), [configs/architecture.ts](../configs/architecture.ts),',
    '[configs/signals.ts](../configs/signals.ts), [configs/optimizer.ts](../configs/optimizer.ts),',
    '[configs/losses.ts](../configs/losses.ts) and',
    '[configs/sampling.ts](../configs/sampling.ts).',
    'This page is made by `node tools/make-config-table.ts`.',
    '',
  ].join('\n');
}

function rowsOf(schema: Schema, path: readonly string[]): string[] {
  const below = Object.entries(schema.properties ?? {}).map(([key, value]) => [[...path, key], value] as const);
  const { additionalProperties: any } = schema;
  if (typeof any === 'object' && Object.keys(any).length > 0) below.push([[...path, 'NAME'], any]);
  return below.flatMap(([at, value]) => {
    const inner = rowsOf(value, at);
    if (inner.length > 0) return inner;
    const fallback = value.default === undefined ? '' : `\`${JSON.stringify(round(value.default))}\``;
    return [`| \`${at.join('.')}\` | ${describeValues(value)} | ${fallback} |`];
  });
}

function describeValues(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map(value => `\`${value}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(describeValues).join(', or ');
  if (schema.prefixItems !== undefined) return `list of (${schema.prefixItems.map(describeValues).join(', ')})`;
  if (schema.type === 'array')
    return `list of ${describeRange(schema.minItems, schema.maxItems)}${describeItems(schema)}`;
  const noun =
    { integer: 'whole number', boolean: '`true`, `false`', string: 'text' }[schema.type ?? ''] ??
    schema.type ??
    'any value';
  const above = schema.exclusiveMinimum === undefined ? '' : ` above ${schema.exclusiveMinimum}`;
  const range = describeRange(schema.minimum, schema.maximum).trim();
  return `${noun}${above}${range && ` ${range}`}`;
}

function describeItems({ items }: Schema): string {
  return items === undefined ? 'values' : `(${describeValues(items)})`;
}

/** Whole numbers of zod reach to 2 ** 53, which tells nothing. */
function describeRange(least?: number, most?: number): string {
  const [from, to] = [least, most].map(limit => (Math.abs(limit ?? Infinity) < 2 ** 53 - 1 ? limit : undefined));
  if (from !== undefined && to !== undefined) return `${from} to ${to} `;
  if (from !== undefined) return `at least ${from} `;
  return to === undefined ? '' : `at most ${to} `;
}

function round(value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

if (import.meta.main) writeFileSync(PAGE, formatConfigTable());
