/**
 * @file Graphics cards that plans are made for. A card need not be in this machine. Memory is that of nvidia-smi, rates
 * are those of NVIDIA's data sheets.
 */
import { InvalidInput } from '../errors.ts';
import type { EngineName } from './engines.ts';
import { nearestName } from './suggest.ts';

export interface Card {
  readonly name: string;
  /** Compute capability, such as "8.9". */
  readonly capability: '8.6' | '8.9' | '9.0' | '12.0';
  readonly memoryMiB: number;
  /** Streaming multiprocessors. */
  readonly cores: number;
  /** GHz under load. */
  readonly clock: number;
  /** GB/s. */
  readonly bandwidth: number;
  readonly l2MiB: number;
  /** Dense matrix products in bf16 with sums in f32, TFLOP/s. */
  readonly bf16Teraflops: number;
}

export const CARDS = {
  'rtx-4060': {
    name: 'NVIDIA GeForce RTX 4060',
    capability: '8.9',
    memoryMiB: 8188,
    cores: 24,
    clock: 2.46,
    bandwidth: 272,
    l2MiB: 24,
    bf16Teraflops: 30.2,
  },
  'rtx-3060': {
    name: 'NVIDIA GeForce RTX 3060',
    capability: '8.6',
    memoryMiB: 12_288,
    cores: 28,
    clock: 1.777,
    bandwidth: 360,
    l2MiB: 3,
    bf16Teraflops: 25.5,
  },
  'rtx-5080': {
    name: 'NVIDIA GeForce RTX 5080',
    capability: '12.0',
    memoryMiB: 16_303,
    cores: 84,
    clock: 2.617,
    bandwidth: 960,
    l2MiB: 64,
    bf16Teraflops: 112.6,
  },
  'rtx-4090': {
    name: 'NVIDIA GeForce RTX 4090',
    capability: '8.9',
    memoryMiB: 24_564,
    cores: 128,
    clock: 2.52,
    bandwidth: 1008,
    l2MiB: 72,
    bf16Teraflops: 165.2,
  },
  h100: {
    name: 'NVIDIA H100 80GB HBM3',
    capability: '9.0',
    memoryMiB: 81_559,
    cores: 132,
    clock: 1.98,
    bandwidth: 3352,
    l2MiB: 50,
    bf16Teraflops: 989.4,
  },
} as const satisfies Record<string, Card>;

export type CardName = keyof typeof CARDS;

/** Share of a card's memory that XLA may take. The CUDA context and the workspaces of libraries need the rest. */
export const XLA_MEMORY_SHARE = 0.9;

const RESERVE_BYTES = 2 ** 30;

/**
 * Bytes of a device that a training leaves free: for the driver, libraries and a display; on a CPU, for the server and
 * other processes.
 */
export function reserveOf(engine: EngineName, memoryBytes: number): number {
  const usual = Math.min(RESERVE_BYTES, memoryBytes / 8);
  return Math.round(engine === 'xla/cuda' ? Math.max(usual, (1 - XLA_MEMORY_SHARE) * memoryBytes) : usual);
}

/** In the order of their memory. */
export const CARD_NAMES = Object.keys(CARDS) as [CardName, ...CardName[]];

/** @throws InvalidInput with the known names. */
export function findCard(name: string): Card {
  const known = CARD_NAMES.find(each => each === name);
  if (known) return CARDS[known];
  const nearest = nearestName(name, CARD_NAMES);
  throw new InvalidInput(`there is no card "${name.slice(0, 63)}"`, {
    expected: `one of: ${CARD_NAMES.join(', ')}`,
    ...(nearest === undefined ? {} : { hint: `did you mean ${nearest}?` }),
  });
}
