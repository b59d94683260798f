import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { lutimes, mkdtemp, readdir, rm, symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SYSTEM_CLOCK } from '../../clock.ts';
import { FakeTime, SLEEP_PASSES } from '../../testing/fake-time.ts';
import { breakDeadLocks, withFileLock } from './lock.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true }));

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
/** A holder on another machine, whose pid has no meaning here. */
const foreign = JSON.stringify({ pid: 1, start: '1', boot: 'another', namespace: 'pid:[1]', nonce: 'n' });

async function makeOld(ageSeconds = 60): Promise<void> {
  const then = Date.now() / 1000 - ageSeconds;
  await lutimes(path, then, then);
}

/** Runs `count` pieces of work at once. @returns The most that held the lock together. */
async function measureCrowd(count: number): Promise<number> {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: count }, () =>
      withFileLock(path, async () => {
        most = Math.max(most, ++inside);
        await pause(1);
        inside--;
      }),
    ),
  );
  return most;
}

describe('a file lock', () => {
  it('lets in one at a time and leaves nothing behind', async () => {
    expect(await measureCrowd(30)).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('returns the result or throws the error of the work, and is free afterwards', async () => {
    expect(await withFileLock(path, async () => 7)).toBe(7);
    await expect(withFileLock(path, () => Promise.reject(new Error('work failed')))).rejects.toThrow('work failed');
    expect(await withFileLock(path, async () => 8)).toBe(8);
  });

  for (const [name, content] of Object.entries({ 'another machine': foreign, 'an unknown process': 'garbage' })) {
    it(`waits for a young lock of ${name}`, async () => {
      await symlink(content, path);
      let entered = false;
      const work = withFileLock(path, async () => {
        entered = true;
      });
      await pause(150);
      expect(entered).toBe(false);
      await unlink(path);
      await work;
    });

    it(`breaks an old lock of ${name}, and still lets in one at a time`, async () => {
      await symlink(content, path);
      await makeOld();
      expect(await measureCrowd(30)).toBe(1);
      expect(await readdir(folder)).toEqual([]);
    });
  }

  it.runIf(existsSync('/proc/self/ns/pid'))('does not mistake a process with a reused pid for the holder', async () => {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const own = { pid: process.pid, start: '1', boot, namespace: readlinkSync('/proc/self/ns/pid'), nonce: 'n' };
    await symlink(JSON.stringify(own), path);
    expect(await measureCrowd(5)).toBe(1);
  });

  it('removes the locks of dead processes, and no others', async () => {
    await symlink('garbage', path);
    await makeOld();
    await symlink(foreign, join(folder, 'young'));
    await withFileLock(join(folder, 'mine'), async () => {
      await breakDeadLocks(folder, SYSTEM_CLOCK);
      expect((await readdir(folder)).sort()).toEqual(['mine', 'young']);
    });
  });

  it('does not remove the lock of a process that broke ours', async () => {
    await withFileLock(path, async () => {
      await unlink(path);
      await symlink(foreign, path);
    });
    expect(await readdir(folder)).toEqual(['lock']);
  });

  it('breaks a lock of an unknown process that was left when the clock was a day ahead', async () => {
    await symlink(foreign, path);
    await makeOld(-86_400);
    const clock = new FakeTime({ ...SLEEP_PASSES, startsAt: Date.now() }).clock();
    expect(await withFileLock(path, async () => 7, clock)).toBe(7);
    expect(clock.monotonic()).toBeGreaterThan(10_000);
    expect(clock.monotonic()).toBeLessThan(11_000);
  });
});
