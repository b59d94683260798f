/** @file A loaded PJRT plugin: its attributes, its digest, and its functions. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { PjrtCalls } from './calls.ts';
import { type NamedValues, readNamedValues } from './named-values.ts';

export interface PjrtPlugin {
  readonly path: string;
  readonly calls: PjrtCalls;
  /** What the plugin says about itself, such as `stablehlo_current_version` and, if it is for CUDA, `cuda_version`. */
  readonly attributes: NamedValues;
}

const opened = new Map<string, PjrtPlugin>();

/** Loads a plugin, once per process. @throws Unprocessable if the file is missing or is not a plugin. */
export async function openPlugin(path: string): Promise<PjrtPlugin> {
  const real = await realpath(path).catch(() => path);
  const known = opened.get(real);
  if (known !== undefined) return known;
  const calls = new PjrtCalls(real);
  const told = calls.call('PJRT_Plugin_Attributes', {});
  const attributes = readNamedValues(told.address('attributes'), told.number('num_attributes'));
  const plugin = { path: real, calls, attributes };
  opened.set(real, plugin);
  return plugin;
}

const digests = new Map<string, Promise<string>>();

/**
 * Lower-case sha256 of the plugin's file, computed once per process (0.4 s for 200 MB). The versions that plugins state
 * are equal in different builds, so programs on disk are kept under this digest.
 */
export async function digestPlugin({ path }: PjrtPlugin): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const key = `${path} ${size} ${mtimeMs}`;
  const known = digests.get(key) ?? hashFile(path);
  digests.set(key, known);
  return known;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest('hex');
}
