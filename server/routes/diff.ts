/** @file How two datasets differ, page by page. */
import { Hono } from 'hono';
import { z } from 'zod';
import { Internal, InvalidInput } from '../../errors.ts';
import { CHANGES, type ChangeKind, diffSchema } from '../../functions/datasets/diff-record.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { readFlag } from '../request-options.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

export function createDiffRoutes({ blobs, executor }: ServerDeps): Hono {
  const app = new Hono();

  app.get('/datasets/:name/diff', async c => {
    const against = c.req.query('against');
    if (against === undefined || against === '') {
      throw new InvalidInput('the call does not say against what', {
        expected: '?against=NAME, or the digest of a dataset',
      });
    }
    const body = {
      dataset: c.req.param('name'),
      against,
      ...(c.req.query('pixels') !== undefined && { pixels: readFlag(c.req.query('pixels'), 'pixels') }),
    };
    const { result } = await executor.call('diff', body);
    const output = result.outputs.diff;
    if (output === undefined) throw new Internal('diff made no document');
    const { counts, same, changes } = await readDocument(blobs, output.digest, diffSchema, 'a diff of datasets');
    const kind = readKind(c.req.query('change'));
    const limit = readNumber(c.req.query('limit'), 'limit', DEFAULT_LIMIT, 1, MAX_LIMIT);
    const start = readNumber(c.req.query('after'), 'after', 0, 0, Number.MAX_SAFE_INTEGER);
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

function readNumber(text: string | undefined, key: string, fallback: number, least: number, most: number): number {
  const value = Number(text ?? fallback);
  if (text !== '' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new InvalidInput(`${key}=${text?.slice(0, 50)} is wrong`, {
    expected: key === 'after' ? 'the "next" of the last answer' : `a whole number from ${least} to ${most}`,
  });
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
      limit: `most changes in an answer: 1 to ${MAX_LIMIT}, default ${DEFAULT_LIMIT}`,
    },
  },
];
