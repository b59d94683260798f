/**
 * @file Random numbers made on the host by a counter-based generator: Threefry-4x32-20 (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011). The key of a stream is (seed, purpose, index). So a stream is the same on
 * every engine, and does not depend on earlier draws. Floats are computed by + - x / and sqrt only: these round equally
 * everywhere.
 */
import { createHash } from 'node:crypto';
import type { Seed } from '../configs/seed.ts';

/** What a stream is for. The initial numbers of each parameter have a stream of their own. */
export type Purpose =
  | `init ${string}`
  | `hide ${string}`
  | `noise ${string}`
  | 'order'
  | 'subset'
  | 'bootstrap'
  | 'cells'
  | 'time'
  | 'turns'
  | 'noise'
  | 'dropout'
  | 'caption'
  | 'crop'
  | 'flip'
  | 'route'
  | 'sample'
  | 'sample route';

const PARITY = 0x1bd11bda;
/** Key injections: one after every four of the 20 rounds. */
const INJECTIONS = 5;

/** The key, and the word that makes all five cancel. */
export function scheduleKey(key: Uint32Array): Int32Array {
  const [a = 0, b = 0, c = 0, d = 0] = key;
  return Int32Array.of(a, b, c, d, a ^ b ^ c ^ d ^ PARITY);
}

/** One block: encrypts `counter` under a scheduled key, four 32-bit words, into `out`. */
export function threefry4x32(schedule: Int32Array, counter: Uint32Array, out: Uint32Array): void {
  let x0 = (counter[0]! + schedule[0]!) | 0;
  let x1 = (counter[1]! + schedule[1]!) | 0;
  let x2 = (counter[2]! + schedule[2]!) | 0;
  let x3 = (counter[3]! + schedule[3]!) | 0;
  for (let group = 0; group < INJECTIONS; group++) {
    if ((group & 1) === 0) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 10) | (x1 >>> 22)) ^ x0;
      x2 = (x2 + x3) | 0;
      x3 = ((x3 << 26) | (x3 >>> 6)) ^ x2;
      x0 = (x0 + x3) | 0;
      x3 = ((x3 << 11) | (x3 >>> 21)) ^ x0;
      x2 = (x2 + x1) | 0;
      x1 = ((x1 << 21) | (x1 >>> 11)) ^ x2;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
      x2 = (x2 + x3) | 0;
      x3 = ((x3 << 27) | (x3 >>> 5)) ^ x2;
      x0 = (x0 + x3) | 0;
      x3 = ((x3 << 23) | (x3 >>> 9)) ^ x0;
      x2 = (x2 + x1) | 0;
      x1 = ((x1 << 5) | (x1 >>> 27)) ^ x2;
    } else {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
      x2 = (x2 + x3) | 0;
      x3 = ((x3 << 20) | (x3 >>> 12)) ^ x2;
      x0 = (x0 + x3) | 0;
      x3 = ((x3 << 17) | (x3 >>> 15)) ^ x0;
      x2 = (x2 + x1) | 0;
      x1 = ((x1 << 11) | (x1 >>> 21)) ^ x2;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 25) | (x1 >>> 7)) ^ x0;
      x2 = (x2 + x3) | 0;
      x3 = ((x3 << 10) | (x3 >>> 22)) ^ x2;
      x0 = (x0 + x3) | 0;
      x3 = ((x3 << 18) | (x3 >>> 14)) ^ x0;
      x2 = (x2 + x1) | 0;
      x1 = ((x1 << 20) | (x1 >>> 12)) ^ x2;
    }
    const injection = group + 1;
    x0 = (x0 + schedule[injection % 5]!) | 0;
    x1 = (x1 + schedule[(injection + 1) % 5]!) | 0;
    x2 = (x2 + schedule[(injection + 2) % 5]!) | 0;
    x3 = (x3 + schedule[(injection + 3) % 5]! + injection) | 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** A stream of random numbers for one purpose. */
export class RandomStream {
  readonly #schedule: Int32Array;
  readonly #counter = new Uint32Array(4);
  readonly #block = new Uint32Array(4);
  #used = 4;

  constructor(seed: Seed, purpose: Purpose, index = 0) {
    const digest = createHash('sha256').update(`${seed}|${purpose}`).digest();
    this.#schedule = scheduleKey(Uint32Array.from({ length: 4 }, (_, word) => digest.readUInt32LE(word * 4)));
    this.#counter[2] = index % 2 ** 32;
    this.#counter[3] = Math.floor(index / 2 ** 32);
  }

  /** 32 random bits. */
  bits(): number {
    if (this.#used === 4) this.#refill();
    return this.#block[this.#used++]!;
  }

  #refill(): void {
    threefry4x32(this.#schedule, this.#counter, this.#block);
    this.#counter[0] = (this.#counter[0]! + 1) >>> 0;
    if (this.#counter[0] === 0) this.#counter[1]! += 1;
    this.#used = 0;
  }

  /** Uniform in the open interval (0, 1). */
  uniform(): number {
    return (this.bits() + 0.5) / 2 ** 32;
  }

  /** Uniform whole number below `bound`. The bias is below bound / 2^32, so there is no rejection step (Lemire). */
  below(bound: number): number {
    return Math.floor((this.bits() / 2 ** 32) * bound);
  }

  /** Standard normal. */
  normal(): number {
    return normalQuantile(this.uniform());
  }

  /** Fills an array with standard normals. */
  fillNormal(target: Float32Array): void {
    let i = 0;
    while (i < target.length && this.#used < 4) target[i++] = this.normal();
    for (; i + 4 <= target.length; i += 4) {
      this.#refill();
      for (let word = 0; word < 4; word++) target[i + word] = normalQuantile((this.#block[word]! + 0.5) / 2 ** 32);
      this.#used = 4;
    }
    while (i < target.length) target[i++] = this.normal();
  }
}

/**
 * Inverse of the standard normal distribution function: algorithm AS 241, PPND7 (Wichura 1988), about 1 part in 1e7.
 * Its tails need a logarithm: {@link naturalLog}.
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const r = 0.180625 - q * q;
    return (
      (q * (((5.910937472e1 * r + 1.5929113202e2) * r + 5.0434271938e1) * r + 3.3871327179)) /
      (((6.71875636e1 * r + 7.8757757664e1) * r + 1.7895169469e1) * r + 1)
    );
  }
  let r = Math.sqrt(-naturalLog(q < 0 ? p : 1 - p));
  let x: number;
  if (r <= 5) {
    r -= 1.6;
    x =
      (((1.7023821103e-1 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777) /
      ((1.2021132975e-1 * r + 7.370016425e-1) * r + 1);
  } else {
    r -= 5;
    x =
      (((1.7337203997e-2 * r + 4.2868294337e-1) * r + 3.081226386) * r + 6.657905115) /
      ((1.2258202635e-2 * r + 2.4197894225e-1) * r + 1);
  }
  return q < 0 ? -x : x;
}

const words = new Uint32Array(2);
const double = new Float64Array(words.buffer);
const LN2 = Math.LN2;

/** ln x for normal positive x: exponent from the bits, then 2 artanh((m - 1) / (m + 1)) as a series; about 1e-16. */
export function naturalLog(x: number): number {
  double[0] = x;
  let exponent = (words[1]! >>> 20) - 1023;
  words[1] = (words[1]! & 0xfffff) | (1023 << 20);
  let mantissa = double[0]!;
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const z = s * s;
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * z + 1 / k;
  return exponent * LN2 + 2 * s * sum;
}

/** Numbers 0 to count - 1 in random order (Fisher and Yates). */
export function permutation(count: number, random: RandomStream): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
  return order;
}
