/**
 * @file Room that is kept for the steps that make room. On a full disk, a pause or a deletion needs a few bytes and
 * files of its own: a lock, a temporary file, a new head. The reserve is given free for them piece by piece, and made
 * again when there is room.
 */
import { randomBytes } from 'node:crypto';
import { appendFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeWithParents } from '../../../configs/make-folders.ts';
import type { Clock } from '../../clock.ts';

/** A piece is more than a small document needs, and one inode. */
const PIECE_BYTES = 65_536;
const PIECES = 16;
/** Between two attempts to make the reserve whole again. */
const RESTORE_MS = 5000;

export class Reserve {
  readonly #folder: string;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** The last attempt to make the reserve whole; undefined: it is whole, as far as this process knows. */
  #triedAt: number | undefined;

  constructor(folder: string, clock: Pick<Clock, 'monotonic'>) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** Gives a piece free. Call `fill` when the work is done. @returns False when none is left. */
  async release(): Promise<boolean> {
    const [piece] = await readdir(this.#folder).catch(() => []);
    if (piece === undefined) return false;
    await rm(join(this.#folder, piece), { force: true });
    return true;
  }

  /** Makes the reserve whole again if it was not, at most once in a while. */
  async restore(): Promise<void> {
    if (this.#triedAt === undefined || this.#clock.monotonic() - this.#triedAt < RESTORE_MS) return;
    await this.fill();
  }

  /**
   * Makes the reserve as large as the disk allows: else other work would take what is left. Does not throw: a store
   * that is full or read-only can still be read.
   */
  async fill(): Promise<void> {
    this.#triedAt = this.#clock.monotonic();
    try {
      await makeWithParents(this.#folder);
      for (let piece = 0; piece < PIECES; piece++) await fillPiece(join(this.#folder, String(piece)));
      this.#triedAt = undefined;
    } catch {
      // What could be written stays.
    }
  }
}

/** Not synced: after a crash of the machine, a piece may be short. Random, since file systems may compress. */
async function fillPiece(path: string): Promise<void> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size < PIECE_BYTES) await appendFile(path, randomBytes(PIECE_BYTES - size), { mode: 0o600 });
}
