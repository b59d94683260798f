/** @file A file of weights that is read by ranges, wherever it lies: on a host, on the server's disk, or in blobs. */
import { createHash } from 'node:crypto';
import { open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { expandHome } from '../../configs/home-path.ts';
import type { Span } from '../../downloads/byte-spans.ts';
import type { FileFacts } from '../../downloads/request-range.ts';
import { Forbidden, InvalidInput, NotFound } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';

const HASHED_BYTES = 8 * 2 ** 20;

export interface ByteSource {
  /** Address or name, for people. */
  readonly from: string;
  /** After the first `bring`. */
  facts(): FileFacts;
  /** Makes ranges readable; without ranges, the whole file. */
  bring(spans?: readonly Span[]): Promise<void>;
  read(span: Span): Promise<Uint8Array>;
  /** sha256 of the whole file, which was brought, in hexadecimal. */
  digest(): Promise<string>;
  /** Keeps what a later call may need. */
  close(): Promise<void>;
  /** The file is stored, and nothing of it is needed any more. */
  discard(): Promise<void>;
}

/**
 * A file in a folder below the import roots, such as a snapshot of Hugging Face, whose files are links.
 * @throws NotFound, Forbidden, InvalidInput
 */
export async function openLocalFile(folder: string, path: string, importRoots: readonly string[]): Promise<ByteSource> {
  const wanted = join(expandHome(folder), path);
  const real = await realpath(wanted).catch(cause => {
    throw new NotFound(`there is no file ${path} in ${folder}`, { cause });
  });
  const roots = await Promise.all(importRoots.map(root => realpath(root).catch(() => root)));
  if (!roots.some(root => real === root || real.startsWith(root.endsWith(sep) ? root : root + sep))) {
    throw new Forbidden(`"${wanted}" lies, or leads, outside the import roots`, {
      expected: 'a folder below one of the import roots, which GET /health names',
      hint: 'start the server with EASEL_IMPORT_ROOTS set to it, or give the files with `easel models install --folder`',
    });
  }
  // A pipe would be waited for without end.
  const found = await stat(real);
  if (!found.isFile()) throw new InvalidInput(`"${wanted}" is no file`, { expected: 'a regular file' });
  const { size } = found;
  const file = await open(real);
  return sourceOf(
    `file ${path}`,
    size,
    async ({ start, end }) => {
      const bytes = Buffer.allocUnsafeSlow(end - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      if (bytesRead === bytes.length) return bytes;
      throw new NotFound(`${wanted} ended while it was read`);
    },
    () => file.close(),
  );
}

/** A file whose bytes are blobs, one after the other. @throws NotFound */
export async function openPieces(name: string, digests: readonly Digest[], blobs: BlobStore): Promise<ByteSource> {
  const pieces: { readonly digest: Digest; readonly start: number; readonly end: number }[] = [];
  let size = 0;
  for (const digest of digests) {
    const ref = await blobs.keep(digest);
    if (ref === undefined) throw new NotFound(`there is no blob ${digest}`, { hint: 'PUT it to /objects first' });
    pieces.push({ digest, start: size, end: size + ref.size });
    size += ref.size;
  }
  return sourceOf(`uploaded ${name}`, size, async ({ start, end }) => {
    const parts: Uint8Array[] = [];
    for (const piece of pieces) {
      const [from, to] = [Math.max(start, piece.start), Math.min(end, piece.end)];
      if (from >= to) continue;
      parts.push(await blobs.getRange(piece.digest, { start: from - piece.start, end: to - piece.start - 1 }));
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  });
}

/** A file that is there whole. */
function sourceOf(
  from: string,
  size: number,
  readAt: (span: Span) => Promise<Uint8Array>,
  close: () => Promise<void> = async () => {},
): ByteSource {
  async function read(span: Span): Promise<Uint8Array> {
    if (span.end <= size) return readAt(span);
    throw new InvalidInput(`the ${from} ends at byte ${size}, and bytes up to ${span.end} were expected`);
  }
  return {
    from,
    facts: () => ({ size }),
    bring: async () => {},
    read,
    async digest() {
      const hash = createHash('sha256');
      for (let start = 0; start < size; start += HASHED_BYTES) {
        hash.update(await read({ start, end: Math.min(size, start + HASHED_BYTES) }));
      }
      return hash.digest('hex');
    },
    close,
    discard: close,
  };
}
