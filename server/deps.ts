/**
 * @file Parts that every route uses. Each `routes/<thing>.ts` exports `create<Thing>Routes(deps): Hono`, `<thing>Docs`.
 */
import type { z } from 'zod';
import type { ServerAddress } from '../functions/define.ts';
import type { Executor } from '../functions/execution/executor.ts';
import type { RunnerClient } from '../gpu-runner/protocol.ts';
import type { Clock } from '../storage/clock.ts';
import type { ObjectStore, StreamedBlobStore } from '../storage/types.ts';
import type { ServerEnv } from './env.ts';

export interface ServerDeps {
  readonly store: ObjectStore;
  readonly blobs: StreamedBlobStore;
  readonly executor: Executor;
  /** Throws Busy when no runner is reachable. */
  readonly runner: RunnerClient;
  readonly env: ServerEnv;
  /** Where the store can be browsed by S3 clients. */
  readonly s3?: { readonly url: string; readonly bucket: string };
  readonly clock: Clock;
  /** Where this server is reached; undefined until it listens. */
  readonly address?: (() => ServerAddress | undefined) | undefined;
}

/** One row of the OpenAPI document; a test holds the table against the routes of the app. */
export interface RouteDoc {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** In Hono's form: `/experiments/:name/train`. */
  readonly path: string;
  readonly summary: string;
  /** Schema of a JSON body. */
  readonly body?: z.ZodType;
  /** What a body in YAML has; absent: there is none. */
  readonly yaml?: string;
  /** A body for the curl line. */
  readonly example?: unknown;
  /** Query parameters and what they mean. */
  readonly query?: Readonly<Record<string, string>>;
  /** Statuses besides the problem documents, with what they mean; default { 200: 'OK' }. */
  readonly responses?: Readonly<Record<number, string>>;
  /** Schema of a JSON answer. */
  readonly answer?: z.ZodType;
  /** Media type of the answer; default application/json. */
  readonly produces?: string;
}
