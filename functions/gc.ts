/**
 * @file Deletes unreachable objects. An object that a name leads to stays; any other goes, even if a call could reuse
 * it.
 */
import { z } from 'zod';
import { LONGEST_SECONDS } from '../configs/bounds.ts';
import { Conflict } from '../errors.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import { collectGarbage, type GcReport } from '../storage/gc/gc.ts';
import { GRACE_MS } from '../storage/gc/lifetimes.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { deleteLeftProbes } from './operations/left-probes.ts';
import { findOthersAtWork } from './upkeep/at-work.ts';
import { DOCUMENT_KINDS, VIEW_LAYOUTS } from './upkeep/declarations.ts';

const DEFAULT_RETENTION_MS = 30 * 24 * 3_600_000;
/** Most missing documents that an answer names. */
const MAX_SHOWN = 100;
/**
 * Functions whose results people ask for directly. Their results stay for the retention. The results of all other
 * functions belong to a name and go with the name: neither a deleted dataset nor a deleted experiment may live on in
 * the cache.
 */
export const KEPT_FOR_THEIR_OWN_SAKE: readonly string[] = ['sample', 'export', 'contact-sheet', 'plan-memory'];

export const gc = defineFunction({
  name: 'gc',
  summary:
    'Lists unreachable objects. With `delete: true`, deletes those already listed one grace period ago, and notes ' +
    'the others.',
  version: 1,
  kind: 'effect',
  example: { delete: false },
  input: z
    .strictObject({
      delete: z.boolean().default(false).describe('false: a dry run that writes nothing'),
      grace_seconds: z
        .number()
        .min(0)
        .max(LONGEST_SECONDS)
        .default(GRACE_MS / 1000)
        .describe('objects used within this time stay; no action may take longer than half of this time'),
      retention_seconds: z
        .number()
        .min(0)
        .max(LONGEST_SECONDS)
        .default(DEFAULT_RETENTION_MS / 1000)
        .describe('samples and logs of runs stay for this time after their last use'),
      alone: z
        .boolean()
        .default(false)
        .describe('promises that nothing else works on the store, or did within the grace period; allows a short one'),
    })
    .refine(({ alone, grace_seconds: grace }) => alone || grace * 1000 >= GRACE_MS, {
      error: `expected at least ${GRACE_MS / 1000}, or alone: true if nothing else works on the store`,
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
    if (input.delete) await deleteLeftProbes(ctx);
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

/** Refuses if another process is at work, since a caller who passes `alone` may be wrong. @throws Conflict */
async function checkAlone({ store, now }: EffectContext): Promise<void> {
  const others = await findOthersAtWork(store, now(), 'gc');
  if (others.length === 0) return;
  throw new Conflict(`others are at work on the store: ${others.join(', ')}`, {
    expected: 'no other work on the store while grace_seconds is that short',
    hint: `wait for their end; or leave grace_seconds out: its default (${GRACE_MS / 1000} s) is safe beside others`,
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
