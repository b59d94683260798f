/** @file Deletes what nothing needs any more. What a name leads to stays; what a name led to goes, whether or not it could be reused. */
import { z } from 'zod';
import { Conflict } from '../errors.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import { collectGarbage, type GcReport } from '../storage/gc/gc.ts';
import { GRACE_MS } from '../storage/gc/lifetimes.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { findOthersAtWork } from './upkeep/at-work.ts';
import { DOCUMENT_KINDS, VIEW_LAYOUTS } from './upkeep/declarations.ts';

const DEFAULT_RETENTION_MS = 30 * 24 * 3_600_000;
/** Missing documents that an answer names. */
const MAX_SHOWN = 100;
/**
 * Functions whose results people asked for by themselves: they stay for the retention. The results of all others are there for a name, and go
 * with it: a data set that was deleted must not live on in a cache, nor an experiment's gigabytes.
 */
export const KEPT_FOR_THEIR_OWN_SAKE: readonly string[] = ['sample', 'contact-sheet'];

export const gc = defineFunction({
  name: 'gc',
  summary:
    'Says what nothing needs any more; with delete, deletes what was so a grace period ago already, and notes the rest for the next call.',
  version: 1,
  kind: 'effect',
  example: { delete: false },
  input: z
    .strictObject({
      delete: z.boolean().default(false).describe('false: a dry run, which writes nothing'),
      grace_seconds: z
        .number()
        .min(0)
        .default(GRACE_MS / 1000)
        .describe('what was used within this time stays; no action may take longer than half of it'),
      retention_seconds: z
        .number()
        .min(0)
        .default(DEFAULT_RETENTION_MS / 1000)
        .describe('samples and logs of runs stay for so long since they were last used'),
      alone: z
        .boolean()
        .default(false)
        .describe('nothing else works on the store, and did not within the grace period: then that may be short'),
    })
    .refine(({ alone, grace_seconds: grace }) => alone || grace * 1000 >= GRACE_MS, {
      error: `expected at least ${GRACE_MS / 1000}, or alone: true when nothing else works on the store`,
      path: ['grace_seconds'],
    })
    .refine(({ grace_seconds: grace, retention_seconds: retention }) => retention >= grace, {
      error: 'expected at least grace_seconds',
      path: ['retention_seconds'],
    }),
  key: input => canonicalJson(input),
  async run(ctx, input) {
    const graceMs = input.grace_seconds * 1000;
    const retentionMs = input.retention_seconds * 1000;
    if (graceMs < GRACE_MS) await checkAlone(ctx);
    const report = await collectGarbage(ctx.store, ctx.blobs, {
      declared: { kinds: DOCUMENT_KINDS, views: VIEW_LAYOUTS },
      delete: input.delete,
      graceMs,
      retentionMs,
      retentionOf: name => (KEPT_FOR_THEIR_OWN_SAKE.includes(name) ? retentionMs : 0),
      now: ctx.now,
      signal: ctx.signal,
      onProgress: ({ phase, ...count }) => ctx.progress({ phase, unit: 'objects', ...count }),
    });
    return { v: 1, ...input, ...describeReport(report) };
  },
});

/** Whoever says so may be mistaken. */
async function checkAlone({ store, now }: EffectContext): Promise<void> {
  const others = await findOthersAtWork(store, now(), 'gc');
  if (others.length === 0) return;
  throw new Conflict(`somebody else is at work: ${others.join(', ')}`, {
    expected: 'nothing else at work when grace_seconds is that short',
    hint: `let it end; or leave grace_seconds out, which is safe beside others (${GRACE_MS / 1000} s)`,
    retryAfterSeconds: 60,
  });
}

function describeReport(report: GcReport): Readonly<Record<string, Json>> {
  const { marked, garbage, due, swept, kinds, oldestRoot, missing, nextDueAt } = report;
  return {
    marked: { ...marked },
    garbage: { ...garbage },
    due: { ...due },
    swept: { ...swept },
    kinds: Object.fromEntries(
      Object.entries(kinds).map(([kind, part]) => [
        kind,
        { garbage: { ...part.garbage }, due: { ...part.due }, swept: { ...part.swept } },
      ]),
    ),
    ...(oldestRoot && {
      oldest_root: { key: oldestRoot.key, last_modified: oldestRoot.lastModified.toISOString() },
    }),
    missing: missing.slice(0, MAX_SHOWN),
    ...(nextDueAt !== undefined && { next_due_at: new Date(nextDueAt).toISOString() }),
  };
}
