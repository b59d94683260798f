import { expect, it } from 'vitest';
import { firstCard, parseCards, parseDriverVersion, parseWatts } from './nvidia.ts';

const TEXT = `NVIDIA GeForce RTX 4090, 580.65.06, 8.9, 24564, Enabled
NVIDIA H100 80GB HBM3, 580.65.06, 9.0, 81559, Disabled
`;

it('cards are read with their memory, and with whether a screen is attached', () => {
  const [desktop, server] = parseCards(TEXT);
  expect(desktop).toEqual({
    name: 'NVIDIA GeForce RTX 4090',
    driver: '580.65.06',
    capability: '8.9',
    memoryBytes: 24_564 * 2 ** 20,
    hasDisplay: true,
  });
  expect(server).toMatchObject({ capability: '9.0', hasDisplay: false });
  // A virtual card does not say.
  expect(parseCards('GRID A100, 580.1, 8.0, [N/A], [N/A]')).toMatchObject([{ memoryBytes: 0, hasDisplay: true }]);
  expect(parseCards('')).toEqual([]);
});

it('the first card is the first one that CUDA_VISIBLE_DEVICES names', () => {
  const cards = parseCards(TEXT);
  expect(firstCard(cards, undefined)?.capability).toBe('8.9');
  expect(firstCard(cards, '1,0')?.capability).toBe('9.0');
  expect(firstCard(cards, 'GPU-3a5')?.capability).toBe('8.9');
  expect(firstCard(cards, '7')).toBeUndefined();
});

it('the version of the driver is found in its file, of both kinds of kernel modules', () => {
  const closed =
    'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 12\n';
  const open = 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (root@host)\n';
  expect([closed, open, ''].map(parseDriverVersion)).toEqual(['550.54.15', '580.65.06', undefined]);
});

it('reads the power of the card that CUDA calls the first, if the card tells it', () => {
  const text = '31.25\n[N/A]\n';
  expect([parseWatts(text, undefined), parseWatts(text, '1'), parseWatts(text, '7')]).toEqual([
    31.25,
    undefined,
    undefined,
  ]);
  expect(parseWatts('', undefined)).toBeUndefined();
});
