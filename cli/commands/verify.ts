import { defineCommand } from 'citty';
import { z } from 'zod';
import { plainJson } from '../../configs/plain-text.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { formatBytes } from '../format-bytes.ts';
import { connect, connectionArgs } from './connection.ts';

const listOf = <T extends z.ZodType>(item: T) => z.looseObject({ total: z.int(), items: z.array(item) });
const gone = z.looseObject({
  digest: z.string(),
  needed_by: z.array(z.string()),
  made_again_by: z.string().nullable(),
});
const verdictSchema = z.looseObject({
  ok: z.boolean(),
  blobs: z.looseObject({ count: z.int(), bytes: z.number() }),
  documents: z.int(),
  unreferenced: z.looseObject({ count: z.int(), bytes: z.number() }),
  damaged: listOf(gone),
  missing: listOf(gone),
  stale: listOf(gone),
  unreadable: listOf(z.looseObject({ what: z.string(), reason: z.string() })),
  repairs: z
    .looseObject({
      deleted: z.looseObject({ blobs: z.int(), documents: z.int() }),
      restored: z.int(),
      lost: listOf(z.looseObject({ digest: z.string(), reason: z.string() })),
    })
    .optional(),
  views: z
    .looseObject({
      rebuilt: z.int(),
      deleted: listOf(z.string()),
      failed: listOf(z.looseObject({ view: z.string(), reason: z.string() })),
    })
    .optional(),
});
export type Verdict = z.infer<typeof verdictSchema>;

export const verifyCommand = defineCommand({
  meta: {
    name: 'verify',
    description: 'read the whole store and list damaged and missing blobs; exit code 1 if there are any',
  },
  args: {
    repair: {
      type: 'boolean',
      description: 'delete damaged blobs and unreadable documents, and make missing blobs again',
    },
    'rebuild-views': { type: 'boolean', description: 'write experiments/, datasets/ and reports/ again' },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const body = { repair: args.repair === true, rebuild_views: args['rebuild-views'] === true };
    const { result } = await callInForeground(connect(args), 'verify', body, { quiet: args.quiet });
    const verdict = verdictSchema.parse(result);
    console.log(args.json === true ? plainJson(result) : formatVerdict(verdict));
    if (!verdict.ok) process.exitCode = 1;
  }),
});

export function formatVerdict(verdict: Verdict): string {
  const { blobs, documents, unreferenced, damaged, missing, stale, unreadable, repairs, views } = verdict;
  return [
    `read: blobs ${blobs.count} (${formatBytes(blobs.bytes)}), documents ${documents}`,
    `unreachable blobs: ${unreferenced.count} (${formatBytes(unreferenced.bytes)})`,
    ...tellList('damaged blobs', damaged, tellBlob),
    ...tellList('missing blobs', missing, tellBlob),
    ...tellList('unreadable documents', unreadable, ({ what, reason }) => [`${what}: ${reason}`]),
    ...(stale.total > 0 ? [`missing blobs that only cached results name (made again when used): ${stale.total}`] : []),
    ...(repairs ? tellRepairs(repairs) : []),
    ...(views ? [`views: rebuilt ${views.rebuilt}, deleted ${views.deleted.total} whose name is gone`] : []),
    ...(views ? tellList('views not rebuilt', views.failed, each => [`${each.view}: ${each.reason}`]) : []),
    verdict.ok ? 'all is well' : adviseOn(verdict),
  ].join('\n');
}

type Gone = Verdict['damaged']['items'][number];

function tellBlob({ digest, needed_by, made_again_by }: Gone): string[] {
  return [
    digest,
    `  needed by ${needed_by.join(' > ') || 'nothing'}`,
    `  ${made_again_by === null ? 'no result names its maker' : `made again by ${made_again_by}`}`,
  ];
}

function tellList<T>(what: string, { total, items }: { total: number; items: T[] }, tell: (item: T) => string[]) {
  if (total === 0) return [];
  const more = total > items.length ? [`  and ${total - items.length} more`] : [];
  return [`${what}: ${total}`, ...items.flatMap(tell).map(line => `  ${line}`), ...more];
}

function tellRepairs({ deleted, restored, lost }: NonNullable<Verdict['repairs']>): string[] {
  return [
    `deleted: blobs ${deleted.blobs}, documents ${deleted.documents}`,
    `made again: ${restored}`,
    ...tellList('cannot be made again', lost, ({ digest, reason }) => [`${digest}: ${reason}`]),
  ];
}

function adviseOn({ repairs }: Verdict): string {
  if (repairs === undefined)
    return 'to repair, run it with --repair: it deletes damaged blobs and makes missing ones again';
  return repairs.lost.total > 0
    ? 'repeat the calls that made the lost blobs (import, prepare, train), or PUT their bytes to /objects/<digest>'
    : 'run it again to see whether all is well now';
}
