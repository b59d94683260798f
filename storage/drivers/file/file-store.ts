/**
 * @file A folder as a store: the key of an object is the path of its file. Files that are not objects lie in `.easel/`.
 */
import { join, resolve } from 'node:path';
import { StoreFull } from '../../../errors.ts';
import { type Clock, SYSTEM_CLOCK } from '../../clock.ts';
import { digestOf, hexOf } from '../../digest.ts';
import { checkKey, digestOfBlobKey, RESERVED_FOLDER } from '../../keys.ts';
import { mediaTypeOfKey } from '../../media-type.ts';
import type {
  ByteRange,
  Etag,
  FileBody,
  ListOptions,
  ListResult,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  SpooledBody,
  StoredObject,
} from '../../types.ts';
import { checkCondition, noSuchKey } from '../conditions.ts';
import { collectPage } from '../listing.ts';
import { resolveRange } from '../range.ts';
import { isFileBody } from '../spool.ts';
import { Disk, makeFolder } from './disk.ts';
import { FileFacts, readBytes } from './facts.ts';
import { explain } from './failures.ts';
import { breakDeadLocks, KeyMutex, withFileLock } from './lock.ts';
import { CopiedEtags, KeyNotes, MediaTypes } from './notes.ts';
import { withDescriptor, withHandle } from './open-file.ts';
import { Reserve } from './reserve.ts';
import { walkKeys } from './walk.ts';

/**
 * Keys by which people and gc steer: names, leases, notes of gc, states of runs, and the views that show them. Without
 * room for blobs, these hardly grow.
 */
const STEERING = /^(refs|leases|gc|experiments)\/|^runs\/.+\/state\.json$|^datasets\/[^/]+\/(index\.json|README\.md)$/;

export interface FileStoreOptions {
  readonly clock?: Clock;
  /** Whether reads may block the thread for the time in which a file is opened: for a thread that only reads. */
  readonly mayBlock?: boolean;
}

/**
 * Opens a folder as a store, and makes it if needed. Any number of processes on one machine may open it at once, and
 * any of them may be killed at any time: a process that opens the folder an hour later removes temporary files of
 * killed ones. The file system must have hard links. A "/" in a key makes a folder, so a key must not be a folder of
 * another key. A reserve of one mebibyte lets people pause, delete and run gc on a full disk.
 */
export async function openFileStore(
  folder: string,
  { clock = SYSTEM_CLOCK, mayBlock = false }: FileStoreOptions = {},
): Promise<ObjectStore> {
  const root = resolve(folder);
  for (const name of ['tmp', 'locks', 'types']) await makeFolder(join(root, RESERVED_FOLDER, name));
  const temporary = join(root, RESERVED_FOLDER, 'tmp');
  const disk = new Disk(root, temporary, mayBlock ? withDescriptor : withHandle);
  await disk.sweepTemporary(clock.now());
  // A folder that is full or read-only can still be read.
  await breakDeadLocks(join(root, RESERVED_FOLDER, 'locks'), clock).catch(() => {});
  const reserve = new Reserve(join(root, RESERVED_FOLDER, 'reserve'), clock);
  await reserve.fill();
  const notes = (name: string) => new KeyNotes(join(root, RESERVED_FOLDER, name), temporary);
  return new FileStore(root, disk, reserve, clock, new MediaTypes(notes('types')), new CopiedEtags(notes('copies')));
}

class FileStore implements ObjectStore {
  readonly url: string;
  readonly #root: string;
  readonly #disk: Disk;
  readonly #reserve: Reserve;
  readonly #clock: Clock;
  readonly #types: MediaTypes;
  readonly #copies: CopiedEtags;
  readonly #facts: FileFacts;
  readonly #mutex = new KeyMutex();

  constructor(root: string, disk: Disk, reserve: Reserve, clock: Clock, types: MediaTypes, copies: CopiedEtags) {
    this.url = `file:${root}`;
    this.#root = root;
    this.#disk = disk;
    this.#reserve = reserve;
    this.#clock = clock;
    this.#types = types;
    this.#copies = copies;
    this.#facts = new FileFacts(this.#types, this.#copies, clock.now);
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    return this.#disk.withFile(this.#pathOf(key), async (file, stats) => {
      const size = Number(stats.size);
      const { start, end } = resolveRange(size, range);
      const body = await readBytes(file, start, end);
      const info = await this.#facts.read(key, file, stats, body.length === size ? body : undefined);
      return { ...info, body };
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const path = this.#pathOf(key);
    const found = await this.#disk.findFile(path);
    const recalled = found && (await this.#facts.recall(key, found));
    if (!found || recalled) return recalled;
    return this.#disk.withFile(path, (file, stats) => this.#facts.read(key, file, stats));
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    const { keys, ...page } = await collectPage(prefix, options, cursor => walkKeys(this.#root, prefix, cursor));
    // Objects deleted since are left out.
    const infos = await Promise.all(keys.map(key => this.head(key)));
    return { ...page, objects: infos.filter(info => info !== undefined) };
  }

  async delete(key: string): Promise<void> {
    const path = this.#pathOf(key);
    const remove = async () => {
      await this.#disk.remove(path);
      await this.#types.remove(key);
      await this.#copies.remove(key);
    };
    await this.#withReserve(() => this.#withLock(key, remove));
    await this.#reserve.restore();
  }

  put(key: string, body: Uint8Array | FileBody, options: PutOptions = {}): Promise<{ readonly etag: Etag }> {
    return this.#steer(key, () => this.#put(key, body, options));
  }

  async #put(key: string, body: Uint8Array | FileBody, options: PutOptions): Promise<{ readonly etag: Etag }> {
    const path = this.#pathOf(key);
    const etag = this.#etagOf(key, body);
    const mediaType = options.mediaType ?? mediaTypeOfKey(key);
    if (options.ifNoneMatch === '*') {
      // Saves the temporary file if the key is known to exist; the link below decides.
      checkCondition(key, await this.#currentEtag(key), options);
      await this.#disk.withTemporary(body, async temporary => {
        await this.#types.write(key, mediaType);
        const made = await this.#disk.publishNew(temporary, path);
        if (!made) checkCondition(key, etag, options);
      });
    } else {
      await this.#disk.withTemporary(body, temporary =>
        this.#withLock(
          key,
          async () => {
            if (options.ifMatch !== undefined) checkCondition(key, await this.#currentEtag(key), options);
            await this.#types.write(key, mediaType);
            await this.#disk.publishOver(temporary, path);
          },
          options.ifMatch === undefined,
        ),
      );
    }
    return { etag };
  }

  copy(from: string, to: string): Promise<void> {
    return this.#steer(to, () => this.#copy(from, to));
  }

  async #copy(from: string, to: string): Promise<void> {
    const [source, target] = [this.#pathOf(from), this.#pathOf(to)];
    const info = await this.head(from);
    const copied = await this.#disk.linkTemporary(source, temporary =>
      this.#withLock(to, async () => {
        await this.#types.write(to, info?.mediaType ?? mediaTypeOfKey(to));
        if (info && digestOfBlobKey(from)) await this.#copies.write(to, info.etag, temporary);
        await this.#disk.publishOver(temporary, target);
        return true;
      }),
    );
    if (!info || !copied) throw noSuchKey(from);
  }

  spool(chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody> {
    return this.#disk.spool(chunks);
  }

  async close(): Promise<void> {
    await this.#disk.waitForIdle();
  }

  #steer<T>(key: string, work: () => Promise<T>): Promise<T> {
    return STEERING.test(key) ? this.#withReserve(work) : work();
  }

  /** Runs the work again with a piece of the reserve, as often as the disk is full. A full disk changed nothing. */
  async #withReserve<T>(work: () => Promise<T>): Promise<T> {
    let isReduced = false;
    try {
      for (;;) {
        try {
          return await work();
        } catch (error) {
          if (!(error instanceof StoreFull) || !(await this.#reserve.release())) throw error;
          isReduced = true;
        }
      }
    } finally {
      if (isReduced) await this.#reserve.fill();
    }
  }

  /**
   * Replacing and removing exclude each other, so that the version that was compared is the version that is replaced. A
   * mere write of a blob needs no lock: all versions under its key are equal.
   */
  async #withLock<T>(key: string, work: () => Promise<T>, isMereWrite = false): Promise<T> {
    const lock = join(this.#root, RESERVED_FOLDER, 'locks', hexOf(digestOf(key)));
    try {
      return await (isMereWrite && digestOfBlobKey(key)
        ? work()
        : this.#mutex.run(key, () => withFileLock(lock, work, this.#clock)));
    } catch (error) {
      throw explain(error, key);
    }
  }

  async #currentEtag(key: string): Promise<Etag | undefined> {
    return (await this.head(key))?.etag;
  }

  #etagOf(key: string, body: Uint8Array | FileBody): Etag {
    return hexOf(digestOfBlobKey(key) ?? (isFileBody(body) ? body.digest : digestOf(body))) as Etag;
  }

  #pathOf(key: string): string {
    checkKey(key);
    return join(this.#root, key);
  }
}
