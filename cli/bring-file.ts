/** @file Brings a pinned file: from this machine, or by HTTP, where a download that was stopped goes on. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expandHome } from '../configs/home-path.ts';
import { makeFolders } from '../configs/make-folders.ts';
import type { ModelDownload } from '../configs/model-packages.ts';
import { NotFound, Unprocessable } from '../errors.ts';

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
    const digest = digestOf(bytes);
    if (digest === sha256) return { bytes, source: `${url}, sha256 ${sha256}` };
    log(`${basename(path)} is not the file of ${url}: its sha256 is ${digest}`);
    return { bytes, source: `a file ${basename(path)}, sha256 ${digest}` };
  }
  const path = join(downloads, basename(new URL(url).pathname));
  const source = `${url}, sha256 ${sha256}`;
  const kept = await readFile(path).catch(() => undefined);
  if (kept && digestOf(kept) === sha256) return { bytes: kept, source, path };
  await makeFolders(downloads);
  const part = `${path}.part`;
  log(`downloading ${url} (${size} MB)`);
  await download(url, part, signal);
  const bytes = await readFile(part);
  const digest = digestOf(bytes);
  if (digest !== sha256) {
    await rm(part, { force: true });
    throw new Unprocessable(`${url} has the wrong sha256 ${digest}`, { expected: `sha256 ${sha256}` });
  }
  await rename(part, path);
  return { bytes, source, path };
}

/** Goes on behind the bytes that are there, if the server can. */
async function download(url: string, part: string, signal?: AbortSignal): Promise<void> {
  const start = await stat(part).then(
    ({ size }) => size,
    () => 0,
  );
  try {
    const headers = start > 0 ? { range: `bytes=${start}-` } : {};
    const response = await fetch(url, { headers, ...(signal && { signal }) });
    // The file is there whole.
    if (response.status === 416) return;
    if (!response.ok || !response.body) throw new Error(`the answer is ${response.status} ${response.statusText}`);
    const flags = response.status === 206 ? 'a' : 'w';
    await pipeline(Readable.fromWeb(response.body), createWriteStream(part, { flags }));
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Unprocessable(`${url} could not be downloaded: ${cause instanceof Error ? cause.message : cause}`, {
      expected: 'a machine that reaches that address',
      hint: 'call again to go on, or download it yourself and pass it with --file',
      cause,
    });
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
