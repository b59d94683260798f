/** @file The config that a command is given: a preset, its axes, or a file; and changes of single keys. */
import { readFileSync } from 'node:fs';
import { expandHome } from '../configs/home-path.ts';
import { mergeDeep } from '../configs/merge-deep.ts';
import { plainLine } from '../configs/plain-text.ts';
import type { Translation } from '../configs/seed-block/translate-block.ts';
import { readWrittenConfig } from '../configs/written-config.ts';
import { InvalidInput } from '../errors.ts';

export const configArgs = {
  recipe: { type: 'string', description: 'recipe of a preset: best, seed, seed-literal', valueHint: 'NAME' },
  size: { type: 'string', description: 'size of a preset: tiny-b, small-a, prod-1, ...', valueHint: 'NAME' },
  set: {
    type: 'boolean',
    description: 'key=value words follow: changes of the config (a.b=1 nests; a value is JSON or text)',
  },
} as const;

interface ConfigArgs {
  /** Name of a preset, or path of a file in YAML. */
  readonly named?: string | undefined;
  readonly recipe?: string | undefined;
  readonly size?: string | undefined;
  readonly changes: Readonly<Record<string, unknown>>;
}

/** The config as a request takes it. @throws InvalidInput */
export function readConfigArgs({ named, recipe, size, changes }: ConfigArgs): unknown {
  const axes = { ...(recipe !== undefined && { recipe }), ...(size !== undefined && { size }) };
  const hasAxes = Object.keys(axes).length > 0;
  if (named === undefined) return { ...(hasAxes && { preset: axes }), ...changes };
  if (hasAxes) {
    throw new InvalidInput(`--recipe and --size do not go with ${named}`, {
      expected: 'a preset or file, or its axes',
    });
  }
  // Names of presets have neither.
  if (!/[./]/.test(named)) return { ...changes, preset: named };
  const text = readText(named);
  if (Object.keys(changes).length === 0) return text;
  const { config, translation } = readWrittenConfig(text);
  if (translation === undefined)
    return typeof config === 'string' ? { ...changes, preset: config } : mergeDeep(config, changes);
  throw new InvalidInput(`--set does not go with ${named}, a config of the original project`, {
    expected: 'changes in the file itself, by the keys that it has',
  });
}

function readText(path: string): string {
  try {
    return readFileSync(expandHome(path), 'utf8');
  } catch (error) {
    throw new InvalidInput(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      expected: 'the name of a preset, or a readable file in YAML',
    });
  }
}

/** What became of each key, a line each. */
export function describeTranslation({ mapped, ignored }: Translation): string[] {
  const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return [
    ...mapped.map(({ from, value, to, why }) => {
      const keys = Object.entries(to).map(([key, became]) => `${key} ${show(became)}`);
      return `${from} ${show(value)} -> ${keys.join(', ')}${why === undefined ? '' : ` (${why})`}`;
    }),
    ...ignored.map(({ from, value, reason }) => `${from} ${show(value)} is ignored: ${reason}`),
  ].map(plainLine);
}
