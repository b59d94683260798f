/** @file The server's environment (design.md 10), parsed once at start. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { cacheFolderOf } from '../configs/cache-folder.ts';
import { expandHome } from '../configs/home-path.ts';
import { isLoopback, stripBrackets } from '../configs/loopback.ts';
import { HUB_ENDPOINT } from '../configs/model-sources.ts';
import { parseVariables, type Variables } from '../configs/parse-variables.ts';
import { type S3Keys, s3KeysOf } from '../configs/s3-keys.ts';
import type { HubAccess } from '../downloads/hub-access.ts';
import { InvalidInput } from '../errors.ts';
import { type CaptionServers, parseCaptionServers } from '../functions/captions/caption-servers.ts';
import { parseS3Url } from '../storage/drivers/s3/url.ts';

const DEFAULT_S3_PORT = 8788;

const envSchema = z.object({
  EASEL_STORE: z.string().min(1).default('file:data/store'),
  EASEL_HOST: z.string().min(1).transform(stripBrackets).default('127.0.0.1'),
  EASEL_PORT: z.coerce.number().int().min(0).max(65535).default(8787),
  EASEL_S3_PORT: z.union([z.literal('off'), z.coerce.number().int().min(0).max(65535)]).optional(),
  EASEL_RUNNERS: z.string().default(''),
  EASEL_RUNNER_SECRET: z.string().min(16, 'expected at least 16 characters').optional(),
  EASEL_CACHE: z.string().min(1).optional(),
  EASEL_TOKEN: z.string().min(16, 'expected at least 16 characters').optional(),
  EASEL_IMPORT_ROOTS: z.string().optional(),
  EASEL_IMPORT_BUCKETS: z.string().default(''),
  EASEL_SUPERVISED: z.enum(['0', '1']).default('0'),
  EASEL_LEASE_SECONDS: z.coerce.number().min(1).max(3600).default(30),
  STORE_PROBE: z.enum(['on', 'off']).default('on'),
  HF_TOKEN: z
    .string()
    .trim()
    .regex(/^[\x21-\x7e]*$/, 'expected a token without spaces')
    .optional(),
  HF_ENDPOINT: z.url({ protocol: /^https?$/ }).default(HUB_ENDPOINT),
});

export interface S3Env {
  readonly port: number;
  /** Whether EASEL_S3_PORT is set. The server starts without an endpoint if the default port is taken. */
  readonly explicit: boolean;
  /** Absent: the endpoint uses the keys that the store keeps. */
  readonly keys?: S3Keys;
}

export interface ServerEnv {
  /** `file:DIR`, `memory:` or `s3://...`. */
  readonly store: string;
  readonly host: string;
  readonly port: number;
  /** The S3 endpoint over a folder store; absent: no endpoint. */
  readonly s3?: S3Env;
  /** Addresses of gpu-runners. Empty: the server looks for gpu-runners of this user that were started alone. */
  readonly runners: readonly string[];
  /** Absent: the server reads the secret from the file that a gpu-runner started alone leaves in the cache folder. */
  readonly runnerSecret?: string;
  readonly cacheFolder?: string;
  /** The models that describe pictures, and how they are asked. */
  readonly captions: CaptionServers;
  readonly token?: string;
  /** Absolute folders that `import` may read. */
  readonly importRoots: readonly string[];
  /** Places of buckets that `import` may read, with their endpoints. */
  readonly importBuckets: readonly string[];
  /** Milliseconds after which another server takes over an experiment whose server fell silent. */
  readonly leaseTtlMs: number;
  /** Exit when the parent goes away. */
  readonly supervised: boolean;
  readonly probeStore: boolean;
  readonly hub: HubAccess;
}

/** @throws InvalidInput naming each variable that is wrong, or a public address without a token. */
export function parseEnv(env: Variables, cwd: string): ServerEnv {
  const vars = parseVariables(envSchema, env);
  if (!isLoopback(vars.EASEL_HOST) && vars.EASEL_TOKEN === undefined) {
    throw new InvalidInput(
      `EASEL_HOST=${vars.EASEL_HOST} can be reached from other machines, and EASEL_TOKEN is not set`,
      {
        expected: 'a loopback address, or a token',
        hint: 'set EASEL_TOKEN to a secret of at least 16 characters',
      },
    );
  }
  return {
    store: vars.EASEL_STORE,
    host: vars.EASEL_HOST,
    port: vars.EASEL_PORT,
    ...parseS3(vars, s3KeysOf(env)),
    runners: vars.EASEL_RUNNERS.split(',')
      .map(address => address.trim())
      .filter(address => address !== ''),
    ...(vars.EASEL_RUNNER_SECRET === undefined ? {} : { runnerSecret: vars.EASEL_RUNNER_SECRET }),
    ...(vars.EASEL_CACHE === undefined ? {} : { cacheFolder: cacheFolderOf(env) }),
    captions: parseCaptionServers(env),
    ...(vars.EASEL_TOKEN === undefined ? {} : { token: vars.EASEL_TOKEN }),
    importRoots: (vars.EASEL_IMPORT_ROOTS ?? cwd)
      .split(':')
      .filter(root => root !== '')
      .map(root => resolve(cwd, expandHome(root))),
    importBuckets: parseBuckets(vars.EASEL_IMPORT_BUCKETS),
    leaseTtlMs: vars.EASEL_LEASE_SECONDS * 1000,
    supervised: vars.EASEL_SUPERVISED === '1',
    probeStore: vars.STORE_PROBE === 'on',
    hub: {
      endpoint: vars.HF_ENDPOINT.replace(/\/+$/, ''),
      cacheFolder: cacheFolderOf(env),
      ...(vars.HF_TOKEN ? { token: vars.HF_TOKEN } : {}),
    },
  };
}

/** @throws InvalidInput */
function parseBuckets(text: string): string[] {
  const urls = text.split(/[\s,]+/).filter(url => url !== '');
  for (const url of urls) {
    try {
      parseS3Url(url);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      throw new InvalidInput(`EASEL_IMPORT_BUCKETS: ${error.message.replaceAll('S3 store', 'bucket')}`, {
        expected: 's3://BUCKET[/PREFIX][?endpoint=http://HOST:PORT][&region=REGION], separated by spaces or commas',
        ...(error.hint !== undefined && { hint: error.hint }),
      });
    }
  }
  return urls;
}

/** If the server takes any free port, so does the S3 endpoint, unless EASEL_S3_PORT says otherwise. */
function parseS3(vars: z.output<typeof envSchema>, keys: S3Keys | undefined): { readonly s3?: S3Env } {
  const { EASEL_S3_PORT: wanted, EASEL_PORT: httpPort, EASEL_HOST: host } = vars;
  if (wanted === 'off') return {};
  if (wanted !== undefined && wanted !== 0 && wanted === httpPort) {
    throw new InvalidInput(`EASEL_PORT and EASEL_S3_PORT are both ${wanted}`, { expected: 'a port for each' });
  }
  if (wanted !== undefined && !isLoopback(host) && keys === undefined) {
    throw new InvalidInput(
      `EASEL_HOST=${host} can be reached from other machines, and the S3 endpoint has no keys of yours`,
      {
        expected: 'a loopback address, or keys',
        hint: 'set EASEL_S3_ACCESS_KEY and EASEL_S3_SECRET_KEY, or EASEL_S3_PORT=off',
      },
    );
  }
  const port = wanted ?? (httpPort === 0 ? 0 : DEFAULT_S3_PORT);
  // The server's own port comes first.
  if (port === httpPort && port !== 0) return {};
  return { s3: { port, explicit: wanted !== undefined, ...(keys !== undefined && { keys }) } };
}
