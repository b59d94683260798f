/** @file Speed of our digests, relative to one pass of OpenSSL over the same bytes and to copying them. */
import { createHash } from 'node:crypto';
import { digestBlob } from '../../storage/blobs/cas.ts';
import { takeTurns } from '../turns.ts';
import type { Report } from './rows.ts';

/** Much larger than the caches of a CPU. */
const BYTES = 256 << 20;

export async function measureHashing(rounds: number, report: Report): Promise<void> {
  const bytes = Buffer.alloc(BYTES, 'bytes that are hashed ');
  const copy = Buffer.alloc(BYTES);
  const memcpy = 'memcpy of the same bytes';
  const openssl = 'OpenSSL sha256 in one call';
  const times = await takeTurns(
    {
      digest: { run: () => digestBlob(bytes) },
      [openssl]: { run: async () => createHash('sha256').update(bytes).digest('hex') },
      [memcpy]: { run: async () => bytes.copy(copy) },
    },
    rounds,
  );
  const ms = times.get('digest') ?? Number.NaN;
  for (const peer of [openssl, memcpy]) {
    report({
      case: 'sha256 of 256 MiB in memory',
      by: 'digest of a blob',
      measures: { gb_per_second: BYTES / ms / 1e6, peer_gb_per_second: BYTES / (times.get(peer) ?? Number.NaN) / 1e6 },
      peer,
      ratio: (times.get(peer) ?? Number.NaN) / ms,
    });
  }
}
