import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EnergyMeter } from './energy-meter.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'powercap-'));
});
afterEach(() => rm(root, { recursive: true }));

/** A zone as Linux shows it. */
async function putZone(zone: string, name: string, energy: number | string, range = 1e9): Promise<void> {
  await mkdir(join(root, zone), { recursive: true });
  await writeFile(join(root, zone, 'name'), `${name}\n`);
  await writeFile(join(root, zone, 'energy_uj'), `${energy}\n`);
  await writeFile(join(root, zone, 'max_energy_range_uj'), `${range}\n`);
}

const KWH = 3.6e12;

test('sockets add up; their parts and the zone of the whole machine do not count twice', async () => {
  await putZone('intel-rapl:0', 'package-0', 1000);
  await putZone('intel-rapl:1', 'package-1', 5000);
  await putZone('intel-rapl:0:0', 'core', 10);
  await putZone('intel-rapl:2', 'psys', 20);
  const meter = new EnergyMeter({ root });
  await putZone('intel-rapl:0', 'package-0', 3000);
  await putZone('intel-rapl:1', 'package-1', 5500);
  await putZone('intel-rapl:0:0', 'core', 1e6);
  await putZone('intel-rapl:2', 'psys', 1e6);
  expect(meter.unreadable).toBeUndefined();
  expect(await meter.read()).toEqual({ processorKwh: 2500 / KWH });
});

test('a counter that goes round counts on, once for each reading', async () => {
  await putZone('intel-rapl:0', 'package-0', 900, 1000);
  const meter = new EnergyMeter({ root });
  for (const energy of [100, 700, 200]) {
    await putZone('intel-rapl:0', 'package-0', energy, 1000);
    meter.sample();
  }
  expect((await meter.read()).processorKwh).toBeCloseTo((200 + 600 + 500) / KWH, 20);
});

test('without counters the meter tells nothing; of ones that this user may not read, it says why', async () => {
  const none = new EnergyMeter({ root: join(root, 'none') });
  expect([none.unreadable, await none.read()]).toEqual([undefined, {}]);
  expect(await new EnergyMeter({ root }).read()).toEqual({});
  await putZone('intel-rapl:0', 'package-0', 'nothing');
  const broken = new EnergyMeter({ root });
  expect([broken.unreadable, await broken.read()]).toEqual([expect.stringContaining('cannot be read'), {}]);
});

test('a counter that disappears makes no number', async () => {
  await putZone('intel-rapl:0', 'package-0', 900);
  const meter = new EnergyMeter({ root });
  await rm(join(root, 'intel-rapl:0'), { recursive: true });
  expect(await meter.read()).toEqual({ processorKwh: Number.NaN });
});

test('power of the cards is added up over time, and read at most every ten seconds', async () => {
  let [now, reads] = [0, 0];
  const watts = [100, 300, 200];
  const readWatts = async () => watts[reads++];
  const meter = new EnergyMeter({ root, readWatts, now: () => now });
  await new Promise(setImmediate);
  now = 9000;
  meter.sample();
  expect(reads).toBe(1);
  now = 10_000;
  meter.sample();
  meter.sample();
  expect(reads).toBe(2);
  await new Promise(setImmediate);
  now = 14_000;
  expect(await meter.read()).toEqual({ cardKwh: (200 * 10 + 250 * 4) / 3.6e6 });
});

test('cards that do not tell their power make no number', async () => {
  const meter = new EnergyMeter({ root, readWatts: () => Promise.reject(new Error('no nvidia-smi')) });
  expect(await meter.read()).toEqual({});
});
