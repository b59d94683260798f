/** @file The disk of the store: full, read-only, another user's. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { runsTier } from './tiers.ts';

const SCENARIO = fileURLToPath(new URL('./store-faults.ts', import.meta.url));
const SERVER = fileURLToPath(new URL('../server/main.ts', import.meta.url));
const SIZE = '48m';
const NOBODY = 65_534;

/**
 * Arguments of `unshare` for a mount namespace that ends with its last process. It needs no privileges where user
 * namespaces are allowed.
 */
const NAMESPACE = ['--user', '--map-root-user', '--mount', '--'];
const MOUNT = `mount -t tmpfs -o size=${SIZE} tmpfs "$1"`;

function findMissing(): string | undefined {
  const tried = spawnSync('unshare', [...NAMESPACE, 'sh', '-c', MOUNT, 'sh', tmpdir()]);
  if (tried.status === 0) return undefined;
  const reason = tried.error?.message ?? tried.stderr.toString().trim();
  return `no tmpfs can be mounted in a user namespace (${reason}): allow them, or run as root on Linux`;
}

describe.skipIf(!runsTier('tmpfs', findMissing()))('a disk', () => {
  // biome-ignore lint/suspicious/noExplicitAny: what the scenario saw, looked at by assertions
  let seen: any;
  beforeAll(async () => {
    const disk = await mkdtemp(join(tmpdir(), 'easel-disk-'));
    try {
      const script = `${MOUNT} && exec "$2" "$3" "$1"`;
      const args = [...NAMESPACE, 'sh', '-c', script, 'sh', disk, process.execPath, SCENARIO];
      const { stdout } = await promisify(execFile)('unshare', args, { maxBuffer: 1 << 24 });
      seen = JSON.parse(stdout);
    } finally {
      await rm(disk, { recursive: true });
    }
  }, 180_000);

  test('a full disk stops the training with 507 and leaves nothing half-written', () => {
    const { train, put, read, halfWritten, faults } = seen.full;
    for (const answer of [train, put]) {
      expect(answer).toMatchObject({ status: 507, body: { code: 'store_full', retryable: true } });
      expect(answer.body.detail).toContain('the disk of the store is full');
    }
    expect(read).toMatchObject({ status: 200, body: { state: 'failed', step: 0, problem: { code: 'store_full' } } });
    expect(halfWritten).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('a server starts on a full disk and answers with stored results', () => {
    expect(seen.full.hit).toMatchObject({ status: 200, body: { cache: 'hit', image: seen.sampled.body.image } });
    expect(seen.fullStart).toMatchObject({ listens: true });
    expect(seen.fullStart.said).toContain('the disk of the store is full: only what is stored can be answered');
  });

  test('once the disk has room again, the same call ends in the same checkpoint', () => {
    expect(seen.calm).toMatchObject({ status: 200, body: { result: { state: 'done', step: 12 } } });
    expect(seen.freed.body.result).toMatchObject({ state: 'done', checkpoint: seen.calm.body.result.checkpoint });
  });

  test('a read-only disk refuses writes with the reason, and reads go on', () => {
    for (const answer of [seen.readOnly.train, seen.readOnly.put]) {
      expect(answer).toMatchObject({ status: 500, body: { code: 'store_denied', retryable: false } });
      expect(answer.body.detail).toContain('is on a read-only file system');
    }
    expect(seen.readOnly.hit).toMatchObject({ status: 200, body: { cache: 'hit' } });
    expect(seen.readOnly.read).toMatchObject({ status: 200, body: { state: 'done' } });
  });

  test('a server on a read-only disk refuses to start, in one line', () => {
    expect(seen.readOnlyStart.listens).toBe(false);
    expect(seen.readOnlyStart.said.trim().split('\n')).toHaveLength(1);
    expect(seen.readOnlyStart.said).toMatch(/^exit 1: easel server: .* is on a read-only file system;/);
  });

  test('once the disk is writable again, the same call ends in the same checkpoint', () => {
    expect(seen.unsealed.body.result).toMatchObject({ state: 'done', checkpoint: seen.calm.body.result.checkpoint });
    expect(seen.ends).toEqual({ halfWritten: [], faults: [] });
  });
});

/** Root may do everything: as nobody, if nobody can read this program. */
function findOther(): { readonly uid?: number } | undefined {
  if (process.getuid?.() !== 0) return {};
  const tried = spawnSync(process.execPath, ['--check', SERVER], { uid: NOBODY, gid: NOBODY });
  return tried.status === 0 ? { uid: NOBODY } : undefined;
}

const other = findOther();
const missing =
  other === undefined ? 'the user nobody cannot read this program: run as another user than root' : undefined;

test.skipIf(!runsTier('unprivileged', missing))(
  'a server refuses to start on a folder of another user, in one line',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'easel-denied-'));
    try {
      spawnSync('chmod', ['555', folder]);
      const { status, stderr } = spawnSync(process.execPath, [SERVER], {
        env: { PATH: process.env.PATH, EASEL_STORE: `file:${folder}/store`, EASEL_PORT: '0', EASEL_CACHE: folder },
        ...(other?.uid !== undefined && { uid: other.uid, gid: other.uid }),
        timeout: 30_000,
      });
      expect(status).toBe(1);
      expect(stderr.toString().trim().split('\n')).toHaveLength(1);
      expect(stderr.toString()).toMatch(
        /^easel server: .* cannot be accessed \(EACCES\); .*check owner and mode of the folder/,
      );
    } finally {
      spawnSync('chmod', ['755', folder]);
      await rm(folder, { recursive: true });
    }
  },
);
