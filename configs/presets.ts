/** @file Presets: complete configs, one YAML file each in this folder. */
import { readdir, readFile } from 'node:fs/promises';
import { NotFound } from '../errors.ts';
import { parseConfig, parseYaml } from './parse.ts';
import type { Config } from './schema.ts';
import { nearestName } from './suggest.ts';

const FOLDER = new URL('./', import.meta.url);

/** Names of the presets, sorted. */
export async function listPresets(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter(file => file.endsWith('.yaml'))
    .map(file => file.slice(0, -'.yaml'.length))
    .sort();
}

/** @throws NotFound with the known names. */
export async function loadPreset(name: string): Promise<Config> {
  return parseConfig(await readPreset(name), `configs/${name}.yaml`);
}

/**
 * Completes a config as people write it: the name of a preset, or an object. The object may name a preset under
 * `preset`; its other keys are then merged into the preset, except that lists and plain values are replaced.
 * @throws InvalidInput naming unknown keys, NotFound for an unknown preset.
 */
export async function resolveConfig(written: string | Readonly<Record<string, unknown>>): Promise<Config> {
  if (typeof written === 'string') return loadPreset(written);
  const { preset, ...overrides } = written;
  if (preset === undefined) return parseConfig(overrides);
  if (typeof preset !== 'string') return parseConfig({ ...overrides, preset });
  return parseConfig(mergeDeep(await readPreset(preset), overrides));
}

/** A config with some of its keys changed: objects are merged, everything else is replaced. @throws InvalidInput */
export function overrideConfig(config: Config, changes: Readonly<Record<string, unknown>>): Config {
  return parseConfig(mergeDeep(config, changes));
}

async function readPreset(name: string): Promise<unknown> {
  const names = await listPresets();
  if (!names.includes(name)) {
    const nearest = nearestName(name, names);
    throw new NotFound(`there is no preset "${name.slice(0, 63)}"`, {
      expected: `one of: ${names.join(', ')}`,
      ...(nearest === undefined ? {} : { hint: `did you mean ${nearest}?` }),
    });
  }
  return parseYaml(await readFile(new URL(`${name}.yaml`, FOLDER), 'utf8'), `configs/${name}.yaml`);
}

function mergeDeep(base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over)) return over;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    if (value !== undefined) merged.set(key, merged.has(key) ? mergeDeep(merged.get(key), value) : value);
  }
  // An assignment would make the key __proto__ a prototype, and parseConfig would not see it.
  return Object.fromEntries(merged);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
