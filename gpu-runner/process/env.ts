/** @file The runner's environment (design.md 10), parsed once at start. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { MOST_MEMORY } from '../../configs/bounds.ts';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { MOST_THREADS } from '../../configs/engines.ts';
import { isLoopback, stripBrackets } from '../../configs/loopback.ts';
import { readMachineMemory } from '../../configs/machine-memory.ts';
import { parseVariables, type Variables } from '../../configs/parse-variables.ts';
import { InvalidInput } from '../../errors.ts';

const LOOPBACK = '127.0.0.1';
const SECRET_BYTES = 32;
const MIB = 2 ** 20;
/** Bytes of pages that are kept without a word from the user: this share of the memory, and at most this much. */
const PAGES_DIVISOR = 16;
const MOST_PAGES = 1024 * MIB;

const envSchema = z.object({
  EASEL_STORE: z.string().min(1).default('file:data/store'),
  EASEL_HOST: z.string().min(1).transform(stripBrackets).default(LOOPBACK),
  EASEL_RUNNER_PORT: z.coerce.number().int().min(0).max(65535).default(8789),
  EASEL_RUNNER_SECRET: z.string().min(16, 'expected at least 16 characters').optional(),
  EASEL_DEVICE: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 letters, digits and . _ -')
    .default('cpu'),
  EASEL_CACHE: z.string().min(1).optional(),
  EASEL_THREADS: z.coerce.number().int().min(1).max(MOST_THREADS).optional(),
  EASEL_PAGE_BUDGET_MB: z.coerce
    .number()
    .int()
    .min(0)
    .max(MOST_MEMORY / MIB)
    .optional(),
  EASEL_SUPERVISED: z.enum(['0', '1']).default('0'),
  EASEL_KILLED_FOR_MEMORY: z.enum(['0', '1']).default('0'),
});

export interface RunnerEnv {
  readonly store: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly secret: string;
  /** The secret is new; clients find it in the cache folder. */
  readonly ownSecret: boolean;
  /** Name of the device to hold. On a host, only one runner can hold a name. */
  readonly device: string;
  readonly cacheFolder: string;
  /** Bytes of training data that may be kept in memory (EASEL_PAGE_BUDGET_MB, in MiB). */
  readonly pageBudgetBytes: number;
  /** Whether the process ends when its parent does. */
  readonly supervised: boolean;
  /** Whether the runner before this one was killed because memory ran out, as its supervisor says. */
  readonly killedForMemory: boolean;
}

/**
 * @param memory Bytes that the process may have. @throws InvalidInput naming each variable that is wrong.
 */
export function parseRunnerEnv(env: Variables, memory = readMachineMemory().limit): RunnerEnv {
  const vars = parseVariables(envSchema, env);
  if (vars.EASEL_STORE.startsWith('memory:')) {
    throw new InvalidInput('EASEL_STORE=memory: is private to one process, so the runner cannot share it', {
      expected: 'file:DIR or s3://bucket',
    });
  }
  return {
    store: vars.EASEL_STORE,
    // EASEL_HOST may open the server to the network, but never the runner.
    host: isLoopback(vars.EASEL_HOST) ? vars.EASEL_HOST : LOOPBACK,
    port: vars.EASEL_RUNNER_PORT,
    secret: vars.EASEL_RUNNER_SECRET ?? randomBytes(SECRET_BYTES).toString('base64url'),
    ownSecret: vars.EASEL_RUNNER_SECRET === undefined,
    device: vars.EASEL_DEVICE,
    cacheFolder: cacheFolderOf(env),
    pageBudgetBytes:
      vars.EASEL_PAGE_BUDGET_MB === undefined
        ? Math.min(MOST_PAGES, Math.floor(memory / PAGES_DIVISOR))
        : vars.EASEL_PAGE_BUDGET_MB * MIB,
    supervised: vars.EASEL_SUPERVISED === '1',
    killedForMemory: vars.EASEL_KILLED_FOR_MEMORY === '1',
  };
}
