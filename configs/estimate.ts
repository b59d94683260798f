/** @file The answer of `estimate`: what preparing a folder takes. */
import { z } from 'zod';

export const estimateSchema = z.object({
  v: z.literal(1),
  folder: z.string(),
  /** Of the folder, by their names; whether they can be read, only `prepare` finds out. */
  found: z.object({
    files: z.int(),
    pictures: z.int(),
    /** Bytes of the pictures. */
    bytes: z.int(),
    /** Files with the name of a caption or a table of captions. */
    texts: z.int(),
  }),
  /** Pictures of the folder that went through all stages. */
  probe: z.object({
    pictures: z.int(),
    /** Those of them that were not taken. */
    rejected: z.int(),
    /** Those taken that have no caption. */
    uncaptioned: z.int(),
    seconds: z.number(),
  }),
  /** In the order in which they run. */
  stages: z.array(z.object({ name: z.string(), seconds_per_picture: z.number(), seconds: z.number() })),
  seconds: z.number(),
  disk: z.object({
    /** Copies of the originals. */
    originals_bytes: z.int(),
    /** By column: bytes of a picture. */
    bytes_per_picture: z.record(z.string(), z.int()),
    total_bytes: z.int(),
  }),
  /** What will stop the call, as sentences without a full stop. */
  problems: z.array(z.string()),
  /** What the estimate takes for granted, as sentences without a full stop. */
  assumptions: z.array(z.string()),
});

export type Estimate = z.output<typeof estimateSchema>;
