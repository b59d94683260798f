/** @file How two datasets differ, page by page. */
import { Hono } from 'hono';
import { z } from 'zod';
import { Internal, InvalidInput } from '../../errors.ts';
import { CHANGES, type ChangeKind, diffSchema } from '../../functions/datasets/diff-record.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { describeLimit, readFlag, readLimit } from '../request-options.ts';

export function createDiffRoutes({ blobs, executor }: ServerDeps): Hono {
  const app = new Hono();

  app.get('/datasets/:name/diff', async c => {
    const against = c.req.query('against');
    if (against === undefined || against === '') {
      throw new InvalidInput('the call does not say against what', {
        expected: '?against=NAME, or the digest of a dataset',
      });
    }
    const kind = readKind(c.req.query('change'));
    const limit = readLimit(c.req.query('limit'));
    const start = readCursor(c.req.query('after'));
    const body = {
      dataset: c.req.param('name'),
      against,
      ...(c.req.query('pixels') !== undefined && { pixels: readFlag(c.req.query('pixels'), 'pixels') }),
    };
    const { result } = await executor.call('diff', body);
    const output = result.outputs.diff;
    if (output === undefined) throw new Internal('diff made no document');
    const { counts, same, changes } = await readDocument(blobs, output.digest, diffSchema, 'a diff of datasets');
    const wanted = kind === undefined ? changes : changes.filter(({ change }) => change === kind);
    const end = start + limit;
    return c.json({
      v: 1,
      ...{ dataset: result.action.inputs.dataset, against: result.action.inputs.against },
      counts,
      same,
      changes: wanted.slice(start, end),
      ...(end < wanted.length && { next: String(end) }),
    });
  });

  return app;
}

function readKind(text: string | undefined): ChangeKind | undefined {
  if (text === undefined) return undefined;
  const parsed = z.enum(CHANGES).safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(`change=${text.slice(0, 50)} is wrong`, { expected: `one of ${CHANGES.join(', ')}` });
}

/** Number of changes that the client has. */
function readCursor(text: string | undefined): number {
  if (text === undefined || /^\d{1,15}$/.test(text)) return Number(text ?? 0);
  throw new InvalidInput(`after=${text.slice(0, 50)} is wrong`, { expected: 'the "next" of the last answer' });
}

export const diffDocs: readonly RouteDoc[] = [
  {
    method: 'get',
    path: '/datasets/:name/diff',
    summary:
      'Say how a dataset differs from a later one: pictures added, removed, replaced and renamed; captions, splits ' +
      'and pixels changed. Both are names or digests.',
    query: {
      against: 'the later dataset',
      change: `only changes of this kind: ${CHANGES.join(', ')}`,
      pixels: 'false: does not compare pixels',
      after: 'the "next" of the last answer',
      limit: describeLimit('changes'),
    },
  },
];
