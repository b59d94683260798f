import { expect, it } from 'vitest';
import { CARD_NAMES, CARDS } from '../../../configs/cards.ts';
import { targetConfigOf } from './target-config.ts';

/** Fields of gpu_device_info that XLA wrote down on a machine with an H100. */
const H100 = {
  threads_per_block_limit: 1024,
  threads_per_warp: 32,
  shared_memory_per_block: 49_152,
  shared_memory_per_core: 233_472,
  threads_per_core_limit: 2048,
  core_count: 132,
  fpus_per_core: 128,
  l2_cache_size: 52_428_800,
  clock_rate_ghz: 1.98,
  shared_memory_per_block_optin: 232_448,
  reserved_shared_memory_per_block: 1024,
  registers_per_core_limit: 65_536,
  registers_per_block_limit: 65_536,
  max_blocks_per_multiprocessor: 32,
};

const fieldsOf = (text: string) =>
  Object.fromEntries([...text.matchAll(/^ {2}(\w+): ([\d.]+)$/gm)].map(([, name, value]) => [name, Number(value)]));

it('the text for an H100 has the numbers that XLA finds on one', () => {
  const text = targetConfigOf(CARDS.h100);
  expect(fieldsOf(text)).toMatchObject(H100);
  // Its memory and bandwidth differ between drivers by less than a hundredth.
  const { device_memory_size: memory = 0, memory_bandwidth: bandwidth = 0 } = fieldsOf(text);
  expect([memory / 84_978_434_048, bandwidth / 3_352_320_000_000]).toEqual([
    expect.closeTo(1, 1),
    expect.closeTo(1, 1),
  ]);
  expect(text).toContain('cuda_compute_capability { major: 9 minor: 0 feature_extension: ACCELERATED_FEATURES }');
});

it.each(CARD_NAMES)('the text for %s has its capability, cores and memory', name => {
  const card = CARDS[name];
  const text = targetConfigOf(card);
  const [major, minor] = card.capability.split('.');
  expect(text).toContain(`major: ${major} minor: ${minor}`);
  expect(fieldsOf(text)).toMatchObject({ core_count: card.cores, device_memory_size: card.memoryMiB * 2 ** 20 });
});
