/** @file Brings a pinned file: from this machine, or by HTTP, where a download that was stopped goes on. */
import { readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expandHome } from '../configs/home-path.ts';
import type { ModelDownload } from '../configs/model-packages.ts';
import { openDownload } from '../downloads/download.ts';
import { NotFound, Unprocessable } from '../errors.ts';
import { sha256Of } from './digest.ts';

export interface FileOptions {
  /** A file on this machine; absent: it is downloaded. */
  readonly file?: string | undefined;
  readonly log: (line: string) => void;
  /** Stops the download. */
  readonly signal?: AbortSignal;
}

export interface BroughtFile {
  readonly bytes: Uint8Array;
  /** Where it comes from, with its sha256. */
  readonly source: string;
  /** The downloaded file, which the caller removes; absent: it was there. */
  readonly path?: string;
}

/**
 * A file on this machine may be another one than the pinned file: its source then says so.
 * @throws NotFound if `file` is not there; Unprocessable if the download fails, or has another sha256; the signal's
 * reason if the signal stopped the download.
 */
export async function bringFile(
  { url, sha256, size }: Pick<ModelDownload, 'url' | 'sha256' | 'size'>,
  downloads: string,
  { file, log, signal }: FileOptions,
): Promise<BroughtFile> {
  if (file !== undefined) {
    const path = expandHome(file);
    const bytes = await readFile(path).catch(cause => {
      throw new NotFound(`there is no file at ${path}`, { cause });
    });
    const digest = sha256Of(bytes);
    if (digest === sha256) return { bytes, source: `${url}, sha256 ${sha256}` };
    log(`${basename(path)} is not the file of ${url}: its sha256 is ${digest}`);
    return { bytes, source: `a file ${basename(path)}, sha256 ${digest}` };
  }
  const path = join(downloads, basename(new URL(url).pathname));
  const source = `${url}, sha256 ${sha256}`;
  const kept = await readFile(path).catch(() => undefined);
  if (kept && sha256Of(kept) === sha256) return { bytes: kept, source, path };
  log(`downloading ${url} (${size} MB)`);
  const never = new AbortController().signal;
  const download = await openDownload({ url, folder: `${path}.download`, sha256, signal: signal ?? never, log });
  try {
    await download.bring();
    const digest = await download.digest();
    if (digest !== sha256) {
      await download.discard();
      throw new Unprocessable(`${url} has the wrong sha256 ${digest}`, { expected: `sha256 ${sha256}` });
    }
    await download.close();
    await rename(join(`${path}.download`, 'data'), path);
    await rm(`${path}.download`, { recursive: true, force: true });
  } finally {
    await download.close();
  }
  return { bytes: await readFile(path), source, path };
}
