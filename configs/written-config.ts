/** @file Reads a config in any form in which people write it: a preset, keys, YAML, or the original project's block. */
import { InvalidInput } from '../errors.ts';
import { isRecord } from './merge-deep.ts';
import { parseYaml } from './parse.ts';
import {
  isBlock,
  isBlockText,
  type Translation,
  translateBlock,
  translateBlockText,
} from './seed-block/translate-block.ts';

/** The name of a preset, or keys, which may name a preset under `preset`. */
export type WrittenConfig = string | Readonly<Record<string, unknown>>;

export interface ReadConfig {
  readonly config: WrittenConfig;
  /** What became of a config of the original project. */
  readonly translation?: Translation;
}

/**
 * @param written The name of a preset, YAML, or keys; the last two may be of the original project.
 * @throws InvalidInput
 */
export function readWrittenConfig(written: WrittenConfig): ReadConfig {
  if (typeof written !== 'string') return readKeys(written);
  return isName(written) ? { config: written } : readText(written);
}

/** Names have no colon, brace or line break. */
function isName(written: string): boolean {
  return !/[\n:{]/.test(written);
}

function readKeys(keys: Readonly<Record<string, unknown>>): ReadConfig {
  return isBlock(keys) ? translated(translateBlock(keys)) : { config: keys };
}

function readText(text: string): ReadConfig {
  let keys: unknown;
  try {
    keys = parseYaml(text, 'config');
  } catch (error) {
    if (!isBlockText(text)) throw error;
    return translated(translateBlockText(text));
  }
  if (!isRecord(keys)) {
    throw new InvalidInput('config: the text is YAML, but no object', { expected: 'keys of docs/config.md' });
  }
  // Without its indentation, the block may be YAML with empty groups.
  return keys.training === null ? translated(translateBlockText(text)) : readKeys(keys);
}

function translated(translation: Translation): ReadConfig {
  return { config: translation.config, translation };
}
