/** @file Reads the whole store, lists damaged and missing blobs, and repairs them on demand. */
import { z } from 'zod';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { type Needed, type StoreFindings, verifyStore } from '../storage/gc/verify.ts';
import { defineFunction } from './define.ts';
import { DOCUMENT_KINDS } from './upkeep/declarations.ts';
import { findMakers, type Repairs, repairStore } from './upkeep/repair-store.ts';
import { type RebuiltViews, rebuildViews } from './views/rebuild-views.ts';

/** Most entries of each list in an answer; the answer also has the totals. */
const MAX_SHOWN = 100;

export const verify = defineFunction({
  name: 'verify',
  summary:
    'Reads every blob and document again and lists damaged and missing ones, with the objects that need them. ' +
    'Changes nothing by default.',
  version: 1,
  kind: 'effect',
  example: { repair: false, rebuild_views: false },
  input: z.strictObject({
    repair: z
      .boolean()
      .default(false)
      .describe('delete damaged blobs and unreadable results, and make missing blobs again if a name needs them'),
    rebuild_views: z
      .boolean()
      .default(false)
      .describe('write experiments/, datasets/ and reports/ again from the names; delete views whose name is gone'),
  }),
  key: input => canonicalJson(input),
  async run(ctx, { repair, rebuild_views }) {
    const findings = await verifyStore(ctx.store, ctx.blobs, {
      kinds: DOCUMENT_KINDS,
      signal: ctx.signal,
      progress: ({ bytes, ...event }) => ctx.progress({ ...event, ...(bytes !== undefined && { metrics: { bytes } }) }),
    });
    const gone = [findings.damaged, findings.missing, findings.stale].flatMap(list => list.slice(0, MAX_SHOWN));
    const makers = await findMakers(ctx.store, new Set(gone.map(({ digest }) => digest)), ctx.signal);
    const repairs = repair ? await repairStore(ctx, findings) : undefined;
    const views = rebuild_views ? await rebuildViews(ctx) : undefined;
    return describe(findings, makers, repairs, views);
  },
});

/** `ok`: no blob or document is damaged, missing or unreadable, and no view failed to rebuild. */
function describe(
  findings: StoreFindings,
  makers: ReadonlyMap<Digest, string>,
  repairs: Repairs | undefined,
  views: RebuiltViews | undefined,
): Json {
  const { blobs, documents, unreferenced, damaged, missing, stale, unreadable, foreign } = findings;
  const troubles = [damaged, missing, unreadable, views?.failed ?? []];
  const tell = ({ digest, path }: Needed) => ({
    digest,
    needed_by: [...path.slice(0, -1)],
    made_again_by: makers.get(digest) ?? null,
  });
  return {
    v: 1,
    ok: troubles.every(list => list.length === 0),
    blobs,
    documents,
    unreferenced,
    damaged: listSome(damaged, each => ({ ...tell(each), size: each.size })),
    missing: listSome(missing, tell),
    stale: listSome(stale, tell),
    unreadable: listSome(unreadable, each => ({ ...each })),
    foreign: listSome(foreign, key => key),
    ...(repairs && {
      repairs: {
        deleted: repairs.deleted,
        restored: repairs.restored,
        lost: listSome(repairs.lost, each => ({ ...each })),
      },
    }),
    ...(views && {
      views: {
        rebuilt: views.rebuilt,
        deleted: listSome(views.deleted, view => view),
        failed: listSome(views.failed, each => ({ ...each })),
      },
    }),
  };
}

function listSome<T>(all: readonly T[], tell: (each: T) => Json): Json {
  return { total: all.length, items: all.slice(0, MAX_SHOWN).map(tell) };
}
