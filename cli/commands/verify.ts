import { defineCommand } from 'citty';
import { z } from 'zod';
import { reportErrors } from '../command-error.ts';
import { formatBytes } from '../format-bytes.ts';
import { createProgressView } from '../progress.ts';
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
    description: 'read the whole store again and say what is damaged or missing; exit code 1 when something is',
  },
  args: {
    repair: {
      type: 'boolean',
      description: 'delete what is damaged or unreadable, and make again what is missing',
    },
    'rebuild-views': { type: 'boolean', description: 'write experiments/ and datasets/ anew from the names' },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const view = createProgressView();
    const body = { repair: args.repair === true, rebuild_views: args['rebuild-views'] === true };
    try {
      const { result } = await connect(args).call('verify', body, args.quiet === true ? {} : { onEvent: view.update });
      view.stop();
      const verdict = verdictSchema.parse(result);
      console.log(args.json === true ? JSON.stringify(result, undefined, 2) : formatVerdict(verdict));
      if (!verdict.ok) process.exitCode = 1;
    } finally {
      view.stop();
    }
  }),
});

export function formatVerdict(verdict: Verdict): string {
  const { blobs, documents, unreferenced, damaged, missing, stale, unreadable, repairs, views } = verdict;
  return [
    `read: blobs ${blobs.count} (${formatBytes(blobs.bytes)}), documents ${documents}`,
    `needed by nothing: ${unreferenced.count} (${formatBytes(unreferenced.bytes)})`,
    ...tellList('damaged blobs', damaged, tellBlob),
    ...tellList('missing blobs', missing, tellBlob),
    ...tellList('unreadable documents', unreadable, ({ what, reason }) => [`${what}: ${reason}`]),
    ...(stale.total > 0 ? [`blobs gone that only results name, made again when they are used: ${stale.total}`] : []),
    ...(repairs ? tellRepairs(repairs) : []),
    ...(views ? [`views: rebuilt ${views.rebuilt}, of names that are gone deleted ${views.deleted.total}`] : []),
    ...(views ? tellList('views not rebuilt', views.failed, each => [`${each.view}: ${each.reason}`]) : []),
    verdict.ok ? 'all is well' : adviseOn(verdict),
  ].join('\n');
}

type Gone = Verdict['damaged']['items'][number];

function tellBlob({ digest, needed_by, made_again_by }: Gone): string[] {
  return [
    digest,
    `  needed by ${needed_by.join(' > ') || 'nothing'}`,
    `  ${made_again_by === null ? 'no result tells who made it' : `made again by ${made_again_by}`}`,
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
  if (repairs === undefined) return 'run it with --repair: what is damaged goes, what is missing is made again';
  return repairs.lost.total > 0
    ? 'repeat the calls that made what is lost (import, prepare, train), or PUT its bytes to /objects/<digest>'
    : 'run it again to see that all is well now';
}
