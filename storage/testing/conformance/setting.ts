/** @file The setting of a test in the suite: two store instances over one place, and a prefix of keys. */
import { expect } from 'vitest';
import { Conflict, PreconditionFailed } from '../../../errors.ts';
import type { ObjectStore } from '../../types.ts';

export interface StoreUnderTest {
  /** Another instance over the same objects, as another process would open it. */
  open(): Promise<ObjectStore>;
  /** Removes the objects of the test. */
  destroy(): Promise<void>;
  /** Makes an object of one byte under each key, faster than by puts. */
  fill?(keys: readonly string[]): Promise<void>;
  /** Flips a bit of the stored object, in the byte `at`; default: the first. */
  corrupt?(key: string, at?: number): Promise<void>;
}

/** The setting of the running test; new for each test. */
export interface Setting {
  readonly place: StoreUnderTest;
  readonly store: ObjectStore;
  /** Another instance over the same objects. */
  readonly other: ObjectStore;
  readonly prefix: string;
  /** The key below the prefix. */
  readonly key: (rest: string) => string;
}

export const bytes = (text: string) => new Uint8Array(Buffer.from(text));
export const text = (body: Uint8Array | undefined) => body && Buffer.from(body).toString();

/** Pseudo-random bytes (a linear congruential generator, Numerical Recipes' constants). */
export function makeBytes(size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = 1;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

export async function* cut(body: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Runs all at once and checks that every failure is a rejection. @returns The results of the others. */
export async function race<T>(attempts: readonly (() => Promise<T>)[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(attempts.map(attempt => attempt()));
  return outcomes.flatMap(outcome => {
    if (outcome.status === 'fulfilled') return [outcome.value];
    expect(outcome.reason instanceof PreconditionFailed || outcome.reason instanceof Conflict).toBe(true);
    return [];
  });
}
