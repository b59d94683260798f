/** @file Writes members into tars as they come, in constant memory: each tar is a blob of bounded size. */
import { headerBytes, roundUp, streamTar } from '../../formats/tar.ts';
import type { Digest } from '../../storage/digest.ts';
import type { StreamedBlobStore } from '../../storage/types.ts';

/** A member in one of the archives; `archive` is known when the archive is closed. */
export interface WrittenMember {
  readonly archive: Promise<Digest>;
  readonly offset: number;
  readonly size: number;
}

interface OpenArchive {
  readonly digest: Promise<Digest>;
  push(member: readonly [string, Uint8Array] | undefined): Promise<void>;
  /** Byte at which the next member begins. */
  end: number;
}

export interface ArchiveWriter {
  /** Ends the archive if so many bytes more would be too many for it. */
  reserve(bytes: number): Promise<void>;
  add(name: string, bytes: Uint8Array): Promise<WrittenMember>;
  /** Ends the archive; the next member begins another. */
  cut(): Promise<void>;
}

export function openArchiveWriter(blobs: StreamedBlobStore, maxBytes: number): ArchiveWriter {
  let open: OpenArchive | undefined;
  const cut = async () => {
    const ending = open;
    open = undefined;
    await ending?.push(undefined);
    await ending?.digest;
  };
  return {
    async reserve(bytes) {
      if (open && open.end + bytes > maxBytes) await cut();
    },
    async add(name, bytes) {
      open ??= openArchive(blobs);
      const offset = open.end + headerBytes(name);
      open.end = offset + roundUp(bytes.length);
      const { digest } = open;
      await open.push([name, bytes]);
      return { archive: digest, offset, size: bytes.length };
    },
    cut,
  };
}

function openArchive(blobs: StreamedBlobStore): OpenArchive {
  let arrived = Promise.withResolvers<readonly [string, Uint8Array] | undefined>();
  let taken = Promise.withResolvers<void>();
  async function* members() {
    for (;;) {
      const member = await arrived.promise;
      arrived = Promise.withResolvers();
      if (member !== undefined) yield member;
      // The writer of the blob asks again when it has the member.
      taken.resolve();
      if (member === undefined) return;
    }
  }
  const stored = blobs.putStream(streamTar(members()), { mediaType: 'application/x-tar' }).then(({ digest }) => digest);
  const failed = stored.then(() => {});
  // A failure is thrown by push, or by who waits for the digest.
  stored.catch(() => {});
  failed.catch(() => {});
  return {
    digest: stored,
    end: 0,
    async push(member) {
      taken = Promise.withResolvers();
      arrived.resolve(member);
      await Promise.race([taken.promise, failed]);
    },
  };
}
