import { defineCommand } from 'citty';
import { z } from 'zod';
import { plainJson } from '../../configs/plain-text.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { formatBytes } from '../format-bytes.ts';
import { parseDuration } from '../parse-options.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

const amountSchema = z.object({ objects: z.number(), bytes: z.number() });
const partSchema = z.object({ garbage: amountSchema, due: amountSchema, swept: amountSchema });
const reportSchema = partSchema.extend({
  delete: z.boolean(),
  marked: amountSchema,
  kinds: z.record(z.string(), partSchema),
  missing: z.array(z.string()).default([]),
  next_due_at: z.string().optional(),
});
export type GcAnswer = z.infer<typeof reportSchema>;

export const gcCommand = defineCommand({
  meta: {
    name: 'gc',
    description:
      'list unreachable objects; with --delete, delete those already listed one grace period ago, and note the others for the next call',
  },
  args: {
    delete: { type: 'boolean', description: 'delete and note objects; without it, nothing is written' },
    grace: {
      type: 'string',
      description: 'objects used within this time stay (default 48h; shorter only with --alone)',
      valueHint: '48h',
    },
    retention: {
      type: 'string',
      description: 'samples and logs of runs stay for this time after their last use (default 30d)',
      valueHint: '30d',
    },
    alone: {
      type: 'boolean',
      description: 'promise that nothing else works on the store, or did within the grace period',
    },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const body = {
      delete: args.delete === true,
      ...(args.grace !== undefined && { grace_seconds: parseDuration(args.grace, '--grace') }),
      ...(args.retention !== undefined && { retention_seconds: parseDuration(args.retention, '--retention') }),
      ...(args.alone === true && { alone: true }),
    };
    const { result } = await callInForeground(connect(args), 'gc', body);
    console.log(args.json === true ? plainJson(result) : formatReport(reportSchema.parse(result)));
  }),
});

export function formatReport(report: GcAnswer): string {
  const done = report.delete;
  const row = (kind: string, { garbage, due, swept }: z.infer<typeof partSchema>) => {
    const gone = done ? swept : due;
    return [kind, String(garbage.objects), formatBytes(garbage.bytes), String(gone.objects), formatBytes(gone.bytes)];
  };
  const head = ['kind', 'unreachable', 'size', done ? 'deleted' : 'due', 'size'];
  const kinds = Object.entries(report.kinds).map(([kind, part]) => row(kind, part));
  const total = kinds.length === 0 ? [] : [row('all', report)];
  const lines = [
    formatTable([head, ...kinds, ...total]),
    '',
    `${report.marked.objects} blobs (${formatBytes(report.marked.bytes)}) are reachable.`,
    ...report.missing.map(digest => `missing: ${digest} is reachable, but not in the store`),
  ];
  if (!done && report.garbage.objects > 0)
    lines.push('This was a dry run: nothing was deleted. To delete: easel gc --delete');
  if (report.next_due_at !== undefined)
    lines.push(`The noted objects fall due at ${report.next_due_at}: call again then.`);
  return lines.join('\n');
}
