/** @file Calls any of several servers, and repeats a call while the answer says that repeating can help. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** A server that was stopped does not answer: then another is asked. */
const ANSWER_MS = 30_000;
const WAIT_SECONDS = 15;
const MAX_PAUSE_MS = 1000;

export interface Answer {
  readonly body: unknown;
  /** Milliseconds from the first request to the answer, and of the request that was answered. */
  readonly totalMs: number;
  readonly lastMs: number;
  readonly attempts: number;
  readonly hit: boolean;
}

/** The answer is no success, and asking again is no use. */
export class Refused extends Error {
  readonly status: number;

  constructor(call: string, status: number, said: string) {
    super(`${call}: ${status} ${said}`);
    this.status = status;
  }
}

/** Nobody answered within the deadline. */
export class Unanswered extends Error {}

const problemSchema = z.looseObject({ retryable: z.boolean().default(false) });

export interface Client {
  readonly attempts: number;
  /** @throws Refused, Unanswered */
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Hash of the bytes that are served for a digest. @throws Refused, Unanswered */
  hashBlob(digest: string): Promise<string>;
}

/** @param pick A server's address, another each time. @param deadlineMs For one call with all its attempts. */
export function createClient(pick: () => string, deadlineMs: number): Client {
  let attempts = 0;

  /** Undefined: to be asked again. */
  async function attempt<T>(method: string, path: string, body: unknown, read: (response: Response) => Promise<T>) {
    attempts++;
    try {
      const response = await fetch(pick() + path, {
        method,
        headers: {
          accept: 'application/json',
          prefer: `wait=${WAIT_SECONDS}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (response.ok && response.status !== 202) {
        return { value: await read(response), hit: response.headers.get('x-cache') === 'hit' };
      }
      const said = await response.text();
      if (response.status === 202 || isRetryable(said)) return undefined;
      throw new Refused(`${method} ${path}`, response.status, said.slice(0, 500));
    } catch (error) {
      if (error instanceof Refused) throw error;
      // Killed, stopped, or just starting.
      return undefined;
    }
  }

  async function repeat<T>(method: string, path: string, body: unknown, read: (response: Response) => Promise<T>) {
    const startedAt = performance.now();
    for (let count = 1; ; count++) {
      const lastAt = performance.now();
      const found = await attempt(method, path, body, read);
      const now = performance.now();
      if (found) return { ...found, attempts: count, totalMs: now - startedAt, lastMs: now - lastAt };
      if (now - startedAt > deadlineMs) {
        throw new Unanswered(`${method} ${path}: no success in ${Math.round((now - startedAt) / 1000)} s`);
      }
      await sleep(Math.min(MAX_PAUSE_MS, 50 * 2 ** count));
    }
  }

  return {
    get attempts() {
      return attempts;
    },
    async ask(method, path, body) {
      const { value, ...rest } = await repeat(method, path, body, response => response.json());
      return { body: value, ...rest };
    },
    async hashBlob(digest) {
      const { value } = await repeat('GET', `/objects/${digest}`, undefined, response => response.arrayBuffer());
      return `sha256:${createHash('sha256').update(Buffer.from(value)).digest('hex')}`;
    },
  };
}

function isRetryable(text: string): boolean {
  try {
    return problemSchema.parse(JSON.parse(text)).retryable;
  } catch {
    return false;
  }
}
