/**
 * @file Presets. A name stands for a whole config of `presets/`, which keeps its digest, or for a recipe or a size with
 * the default of the other. `{ recipe, size }` composes the two as they are today.
 */
import { mergeDeep } from './merge-deep.ts';
import { parseConfig } from './parse.ts';
import { composePair, type FindPictures, listNames, type Pair, parsePair, readWhole } from './preset-files.ts';
import type { Config } from './schema.ts';
import { unknownName } from './suggest.ts';

/** Names of the presets that state how large the network is, sorted: whole configs and sizes. */
export async function listPresets(): Promise<string[]> {
  const names = await Promise.all([listNames('presets'), listNames('sizes')]);
  return [...new Set(names.flat())].sort();
}

/** @throws NotFound with the known names. */
export async function loadPreset(preset: string | Pair, findPictures?: FindPictures): Promise<Config> {
  const name = typeof preset === 'string' ? preset : [preset.recipe, preset.size].filter(Boolean).join(' at ');
  return parseConfig(await readPreset(preset, findPictures), `preset ${name}`);
}

/**
 * Completes a config as people write it: the name of a preset, or an object. The object may name a preset under
 * `preset`; its other keys are then merged into the preset, except that lists and plain values are replaced.
 * @param findPictures Those that a recipe without a size is taken for; absent: the usual ones of the recipe.
 * @throws InvalidInput naming unknown keys, NotFound for an unknown preset.
 */
export async function resolveConfig(
  written: string | Readonly<Record<string, unknown>>,
  findPictures?: FindPictures,
): Promise<Config> {
  if (typeof written === 'string') return loadPreset(written, findPictures);
  const { preset, ...overrides } = written;
  if (preset === undefined) return parseConfig(overrides);
  const named = typeof preset === 'string' ? preset : parsePair(preset);
  return parseConfig(mergeDeep(await readPreset(named, findPictures), overrides));
}

/** A config with some of its keys changed: objects are merged, everything else is replaced. @throws InvalidInput */
export function overrideConfig(config: Config, changes: Readonly<Record<string, unknown>>): Config {
  return parseConfig(mergeDeep(config, changes));
}

async function readPreset(preset: string | Pair, findPictures?: FindPictures): Promise<unknown> {
  if (typeof preset !== 'string') return composePair(preset, findPictures);
  const [wholes, sizes, recipes] = await Promise.all([listNames('presets'), listNames('sizes'), listNames('recipes')]);
  if (wholes.includes(preset)) return readWhole(preset);
  if (sizes.includes(preset)) return composePair({ size: preset });
  if (recipes.includes(preset)) return composePair({ recipe: preset }, findPictures);
  throw unknownName('preset', preset, [...new Set([...wholes, ...sizes, ...recipes])].sort());
}
