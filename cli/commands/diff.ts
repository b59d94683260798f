/** @file `easel diff A B`: how two datasets differ. */
import { defineCommand } from 'citty';
import { z } from 'zod';
import { plainJson, plainLine } from '../../configs/plain-text.ts';
import { reportErrors } from '../command-error.ts';
import type { ApiClient } from '../http.ts';
import { parseCount } from '../parse-options.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

const answerSchema = z.looseObject({
  counts: z.record(z.string(), z.int()),
  same: z.int(),
  changes: z.array(
    z.looseObject({
      change: z.string(),
      name: z.string(),
      before: z.string().optional(),
      now: z.string().optional(),
    }),
  ),
  next: z.string().optional(),
});
type Answer = z.infer<typeof answerSchema>;

const PAGE = 1000;
const DEFAULT_LINES = 50;
/** Most characters of a text in a line. */
const MAX_TEXT = 60;

export const diffCommand = defineCommand({
  meta: {
    name: 'diff',
    description: 'say how a dataset differs from a later one (easel diff portraits portraits)',
  },
  args: {
    before: { type: 'positional', description: 'name or digest of the earlier dataset', required: true },
    now: { type: 'positional', description: 'name or digest of the later one', required: true },
    lines: { type: 'string', description: `most changes to print (default: ${DEFAULT_LINES})`, valueHint: 'N' },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const lines = args.lines === undefined ? DEFAULT_LINES : parseCount(args.lines, '--lines');
    const answer = await readDiff(connect(args), args.before, args.now, lines);
    console.log(args.json === true ? plainJson(answer) : formatDiff(answer, lines));
  }),
});

async function readDiff(api: Pick<ApiClient, 'get'>, before: string, now: string, lines: number): Promise<Answer> {
  const path = `/datasets/${encodeURIComponent(before)}/diff?against=${encodeURIComponent(now)}&limit=${PAGE}`;
  let answer = await api.get(path, answerSchema);
  while (answer.next !== undefined && answer.changes.length < lines) {
    const { changes, next } = await api.get(`${path}&after=${answer.next}`, answerSchema);
    const { next: _, ...rest } = answer;
    answer = { ...rest, changes: [...answer.changes, ...changes], ...(next !== undefined && { next }) };
  }
  return answer;
}

/** Counts in the first line, then a line for each change. */
export function formatDiff({ counts, same, changes }: Answer, lines: number): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const told = Object.entries(counts).flatMap(([change, count]) => (count > 0 ? [`${count} ${change}`] : []));
  const head = [...(told.length > 0 ? told : ['nothing differs']), `${same} the same`].join(', ');
  const rows = changes.slice(0, lines).map(({ change, name, before, now }) => {
    const what = before === undefined && now === undefined ? '' : `${shorten(before)} -> ${shorten(now)}`;
    return [change, plainLine(name), plainLine(what)];
  });
  const more = total > rows.length ? [`and ${total - rows.length} more: --lines, or GET /datasets/NAME/diff`] : [];
  return [head, ...(rows.length > 0 ? ['', formatTable(rows)] : []), ...more].join('\n');
}

function shorten(text = ''): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
}
