/** @file The part of GET /health that the commands show. */
import { z } from 'zod';

const engineSchema = z.looseObject({
  name: z.string(),
  available: z.boolean(),
  device: z.string().optional(),
  version: z.string().optional(),
  threads: z.number().optional(),
  precisions: z.array(z.string()).optional(),
  /** A hint that would make the machine faster. */
  advice: z.string().optional(),
  reason: z.string().optional(),
});
export type EngineRow = z.infer<typeof engineSchema>;

const runnerSchema = z.looseObject({
  pid: z.number(),
  uptime: z.number(),
  device: z.string(),
  heartbeat_age_ms: z.number(),
  running: z.looseObject({ action: z.string(), kind: z.string(), phase: z.string().optional() }).nullable(),
  queued: z.number(),
  finished: z.number(),
  engines: z.array(engineSchema),
});

export const healthSchema = z.looseObject({
  status: z.string(),
  version: z.string(),
  /** The server tells the store, the S3 endpoint and the gpu-runner only to callers that have the token. */
  store: z.string().optional(),
  s3: z.looseObject({ url: z.string(), bucket: z.string() }).optional(),
  runner: runnerSchema.optional(),
  /** Why no gpu-runner answers. */
  runner_problem: z.string().optional(),
});
export type Health = z.infer<typeof healthSchema>;
