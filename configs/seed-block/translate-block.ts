/**
 * @file Translates the config of the original project, word for word as its page has it, to a config of Easel. What
 * the block leaves out is as in the recipe `seed`. Every key of the block is mapped, or named with the reason why not.
 */
import { z } from 'zod';
import { InvalidInput } from '../../errors.ts';
import { PRECISIONS } from '../engines.ts';
import { describeMistake } from '../issue-text.ts';
import { isRecord } from '../merge-deep.ts';
import { nearestName } from '../suggest.ts';
import { type BlockShape, type BlockText, readBlockText } from './block-text.ts';
import { type BlockValues, type Json, LISTS, MOVABLE, SEED_RULES } from './seed-rules.ts';

type Keys = { readonly [key: string]: Json };

/** A translated config, and what became of each key. */
export const translationSchema = z.strictObject({
  /** As a person would write it for Easel. */
  config: z.record(z.string(), z.json()),
  /** Parts of the engine that the block decides. */
  engine: z.strictObject({
    precision: z.enum(PRECISIONS).optional(),
    micro_batch: z.int().positive().optional(),
    gradient_checkpointing: z.boolean().optional(),
  }),
  mapped: z.array(
    z.strictObject({
      from: z.string(),
      value: z.json(),
      to: z.record(z.string(), z.json()),
      why: z.string().optional(),
    }),
  ),
  ignored: z.array(z.strictObject({ from: z.string(), value: z.json(), reason: z.string() })),
});
export type Translation = z.infer<typeof translationSchema>;

const SHAPE: BlockShape = {
  values: new Set(Object.keys(SEED_RULES).filter(path => !LISTS.has(path))),
  lists: LISTS,
};
/** Width up to which a network counts as the original project's small one. */
const SMALL_WIDTH = 384;

/** Whether a text is the block with its groups `model` and `training`, indented or not. */
export function isBlockText(text: string): boolean {
  return /^\s*model:\s*(#.*)?$/m.test(text) && /^\s*training:\s*(#.*)?$/m.test(text);
}

/** Whether a parsed config is the original project's: Easel's have no section `training`. */
export function isBlock(value: unknown): value is Keys {
  return isRecord(value) && isRecord(value.training);
}

/** @throws InvalidInput naming each key that the original project does not have, or whose value is wrong. */
export function translateBlockText(text: string): Translation {
  return translate(readBlockText(text, SHAPE));
}

/** @throws InvalidInput naming each key that the original project does not have, or whose value is wrong. */
export function translateBlock(block: Keys): Translation {
  return translate({ values: flatten(block), behind: new Map() });
}

function translate({ values, behind }: BlockText): Translation {
  const block = checkValues(values);
  const mapped: Translation['mapped'] = [];
  const ignored: Translation['ignored'] = [];
  for (const [from, value] of block) {
    const outcome = SEED_RULES[from]?.apply(value, block);
    if (outcome === undefined) continue;
    const entry = { from, value: values.get(from) as Json };
    if ('ignored' in outcome) ignored.push({ ...entry, reason: outcome.ignored });
    else mapped.push({ ...entry, to: { ...outcome.to }, ...(outcome.why !== undefined && { why: outcome.why }) });
  }
  for (const [from, text] of behind) {
    ignored.push({ from, value: text, reason: 'text of the page behind the value, not a part of the config' });
  }
  // The block says nothing of the size of pictures: it is the dataset's.
  const keys: Keys = Object.assign({ 'data.image_size': null }, ...mapped.map(({ to }) => to));
  const { engine = {}, ...config } = nest(keys);
  return translationSchema.parse({ config: { preset: presetFor(block), ...config }, engine, mapped, ignored });
}

function presetFor(block: BlockValues): Keys {
  const isSmall = Number(block.get('model.hidden_size') ?? 768) <= SMALL_WIDTH;
  return { recipe: 'seed', size: isSmall ? 'seed-384' : 'seed-768' };
}

/** Each value as its rule's schema reads it. */
function checkValues(values: ReadonlyMap<string, unknown>): BlockValues {
  const read = new Map<string, unknown>();
  const mistakes: string[] = [];
  for (const [path, value] of values) {
    const rule = Object.hasOwn(SEED_RULES, path) ? SEED_RULES[path] : undefined;
    const parsed = rule?.schema.safeParse(value, { reportInput: true });
    if (parsed?.success) read.set(path, parsed.data);
    else if (parsed === undefined) mistakes.push(describeUnknown(path));
    else
      mistakes.push(
        ...parsed.error.issues.map(issue => `${[path, ...issue.path].join('.')}: ${describeMistake(issue)}`),
      );
  }
  if (mistakes.length === 0) return read;
  throw new InvalidInput(`config: ${mistakes.join('; ')}`, {
    expected: 'keys and values of the original project (docs/seed.md), or of Easel (docs/config.md)',
    hint: 'correct or remove the keys named',
    details: { issues: mistakes },
  });
}

function describeUnknown(path: string): string {
  const nearest = nearestName(path, Object.keys(SEED_RULES));
  return `unknown key ${path.slice(0, 200)}${nearest === undefined ? '' : ` (did you mean ${nearest}?)`}`;
}

/** Value by path. Groups that people also write elsewhere are found there. */
function flatten(value: unknown, path: readonly string[] = []): ReadonlyMap<string, unknown> {
  const name = placeOf(path).join('.');
  if (!isRecord(value) || LISTS.has(name)) return new Map([[name, value]]);
  const found = Object.entries(value).flatMap(([key, inner]) => [...flatten(inner, [...path, key])]);
  const twice = found.find(([key], index) => found.findIndex(([other]) => other === key) < index);
  if (twice) throw new InvalidInput(`config: ${twice[0]} is there twice`, { expected: 'one of the two' });
  return new Map(found);
}

function placeOf(path: readonly string[]): readonly string[] {
  const rest = path[0] === 'model' ? path.slice(1) : path;
  const isMovable = MOVABLE.some(group => group === rest[0]);
  return isMovable ? ['training', ...rest] : path;
}

/** `{ 'a.b': 1 }` as `{ a: { b: 1 } }`. */
function nest(keys: Keys): Keys {
  const nested: Record<string, Json> = {};
  for (const [key, value] of Object.entries(keys)) {
    const path = key.split('.');
    const last = path.pop() ?? key;
    let at = nested;
    for (const part of path) {
      at[part] ??= {};
      at = at[part] as Record<string, Json>;
    }
    at[last] = value;
  }
  return nested;
}
