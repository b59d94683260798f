import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { Conflict } from '../../errors.ts';
import { acquireDeviceLock } from './device-lock.ts';

/** Only Linux has abstract sockets; a loopback port works everywhere. */
const platforms: readonly NodeJS.Platform[] = process.platform === 'linux' ? ['linux', 'darwin'] : ['darwin'];

test.each(platforms)('one holder per device at a time, by the means of %s', async platform => {
  const device = `lock-${randomUUID()}`;
  const first = await acquireDeviceLock(device, () => 'the first one', platform);
  const refused = acquireDeviceLock(device, () => 'the second one', platform);
  await expect(refused).rejects.toThrow(Conflict);
  await expect(refused).rejects.toThrow(`the device "${device}" is held by the first one`);
  const other = await acquireDeviceLock(`${device}-other`, () => 'another', platform);
  await other.release();
  await first.release();
  await (await acquireDeviceLock(device, () => 'the third one', platform)).release();
});
