/**
 * @file A file that arrives range by range and may be left half done: its bytes in `data`, and in `state.json` the
 * ranges that are on disk and the version of the file that they belong to.
 */
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolders } from '../configs/make-folders.ts';
import { mergeSpans, type Span } from './byte-spans.ts';
import type { FileFacts } from './request-range.ts';

const stateSchema = z.strictObject({
  v: z.literal(1),
  url: z.string(),
  size: z.int().nonnegative(),
  etag: z.string().optional(),
  claimed: z.string().optional(),
  done: z.array(z.strictObject({ start: z.int().nonnegative(), end: z.int().nonnegative() })),
});

/** Bytes after which the ranges on disk are noted, so that a killed download loses at most so much. */
const NOTE_BYTES = 16 * 2 ** 20;

export interface PartialFile {
  readonly path: string;
  /** Undefined until the first answer. */
  facts(): FileFacts | undefined;
  /** Ranges on disk. */
  done(): readonly Span[];
  /** Forgets everything and begins with another version of the file. */
  begin(facts: FileFacts): Promise<void>;
  write(start: number, bytes: Uint8Array): Promise<void>;
  read(span: Span): Promise<Uint8Array>;
  /** Makes the written ranges durable. */
  save(): Promise<void>;
  /** Saves what is there, for a later call. */
  close(): Promise<void>;
  /** Closes and deletes the file. */
  discard(): Promise<void>;
}

/** Opens what an earlier call left of the file at `url`, or an empty file. A damaged state counts as none. */
export async function openPartialFile(folder: string, url: string): Promise<PartialFile> {
  await makeFolders(folder);
  const [path, statePath] = [join(folder, 'data'), join(folder, 'state.json')];
  const left = await readState(statePath, url);
  const file = await open(path, left ? 'r+' : 'w+').catch(() => open(path, 'w+'));
  // The state of a file that is gone, or was cut, says more than is there.
  const isThere = left !== undefined && (await file.stat()).size >= Math.max(0, ...left.done.map(({ end }) => end));
  let facts: FileFacts | undefined = isThere ? left : undefined;
  let done: Span[] = isThere ? mergeSpans(left.done) : [];
  let unsaved = 0;
  let isOpen = true;

  async function save(): Promise<void> {
    if (facts === undefined) return;
    await file.datasync();
    const { size, etag, claimed } = facts;
    await replaceFile(statePath, JSON.stringify({ v: 1, url, size, etag, claimed, done }));
    unsaved = 0;
  }

  async function close(): Promise<void> {
    if (!isOpen) return;
    isOpen = false;
    // What cannot be noted, as on a full disk, is fetched again.
    await save().catch(() => {});
    await file.close();
  }

  return {
    path,
    facts: () => facts,
    done: () => done,
    async begin(next) {
      done = [];
      facts = next;
      await rm(statePath, { force: true });
      await file.truncate(0);
    },
    async write(start, bytes) {
      await writeAll(file, bytes, start);
      done = mergeSpans([...done, { start, end: start + bytes.length }]);
      unsaved += bytes.length;
      if (unsaved >= NOTE_BYTES) await save();
    },
    async read({ start, end }) {
      const bytes = Buffer.allocUnsafeSlow(end - start);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Error(`${path} ends before byte ${start + at}`);
        at += bytesRead;
      }
      return bytes;
    },
    save,
    close,
    async discard() {
      isOpen = false;
      await file.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readState(path: string, url: string) {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const state = stateSchema.parse(JSON.parse(text));
    return state.url === url ? state : undefined;
  } catch {
    return undefined;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, start + at);
    at += bytesWritten;
  }
}

/** A reader sees the old text or the new one, also after a crash. */
async function replaceFile(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
