import { readFile } from 'node:fs/promises';
import { defineCommand } from 'citty';
import { z } from 'zod';
import { plainJson } from '../../configs/plain-text.ts';
import { InvalidInput } from '../../errors.ts';
import { isPng } from '../../formats/png.ts';
import { readPngAction } from '../../formats/png-action.ts';
import { reportErrors } from '../command-error.ts';
import { connect, connectionArgs } from './connection.ts';

const causeSchema = z.looseObject({
  path: z.string(),
  before: z.json(),
  after: z.json(),
  in: z.string(),
  through: z.array(z.string()),
});
const whySchema = z.looseObject({
  action: z.string(),
  function: z.string(),
  similar: z.string().nullable(),
  causes: z.array(causeSchema),
});
export type Why = z.infer<typeof whySchema>;

export const whyCommand = defineCommand({
  meta: {
    name: 'why',
    description:
      'tell which input made an action run: what differs from the most similar one before (easel why preview.png)',
  },
  args: {
    action: { type: 'positional', description: 'digest of an action, or a PNG that Easel made', required: true },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const action = args.action.startsWith('sha256:') ? args.action : await readAction(args.action);
    const why = await connect(args).get(`/actions/${action}/why`, whySchema);
    console.log(args.json === true ? plainJson(why) : formatWhy(why));
  }),
});

async function readAction(file: string): Promise<string> {
  const png = await readFile(file).catch(() => undefined);
  const action = png && isPng(png) ? readPngAction(png) : undefined;
  if (action !== undefined) return action;
  throw new InvalidInput(`${file} tells no action`, {
    expected: 'sha256:..., or a PNG of sample, preview, held-out or contact-sheet',
  });
}

export function formatWhy({ function: name, similar, causes }: Why): string {
  if (similar === null) return `this was the first action of ${name}`;
  const lines = causes.map(({ in: place, path, before, after, through }) => {
    const way = through.length === 0 ? '' : `  (through ${through.join(', ')})`;
    return `  ${place}: ${path} was ${shorten(before)}, is ${shorten(after)}${way}`;
  });
  return [`${name} ran because of what differs from ${similar}:`, ...lines].join('\n');
}

function shorten(value: z.infer<typeof causeSchema>['before']): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
