/** @file The list of approvals of a dataset: what a person has decided about single pictures. */
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import {
  changeApprovals,
  type Decided,
  describeApprovals,
  readApprovals,
  type VersionedApprovals,
} from '../../functions/curation/approval-list.ts';
import { requireDatasetHead } from '../../functions/datasets/dataset-head.ts';
import { DECISIONS } from '../../storage/approval-record.ts';
import type { DatasetHead } from '../../storage/records.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { readJsonAs } from '../read-body.ts';

/** Decisions on 70,000 pictures, with notes on some of them. */
const MAX_CHANGE_BYTES = 16 * 1024 ** 2;

const decisionSchema = z.enum([...DECISIONS, 'undecided']);
const decidedSchema = z.union([
  decisionSchema,
  z.null(),
  z.strictObject({ decision: decisionSchema, note: z.string().max(500).optional() }),
]);
const changeSchema = z.strictObject({
  pictures: z
    .record(z.string(), decidedSchema)
    .describe('by id, name in the dataset or digest of the original: keep, drop, undecided (or null)'),
});

export function createApprovalRoutes({ store, blobs }: ServerDeps): Hono {
  const app = new Hono();

  async function answer(c: Context, name: string, head: DatasetHead, { value, etag }: VersionedApprovals) {
    c.header('etag', `"${etag}"`);
    return c.json({ v: 1, dataset: name, ...(await describeApprovals({ store, blobs }, head, value)) });
  }

  app.get('/datasets/:name/approvals', async c => {
    const name = c.req.param('name');
    const { value: head } = await requireDatasetHead(store, name);
    return answer(c, name, head, await readApprovals(store, name));
  });

  const change = (replaces: boolean) => async (c: Context<object, '/datasets/:name/approvals'>) => {
    const name = c.req.param('name');
    const { value: head } = await requireDatasetHead(store, name);
    const { pictures } = await readJsonAs(c, changeSchema, MAX_CHANGE_BYTES);
    const changes = Object.fromEntries(Object.entries(pictures).map(([key, said]) => [key, readDecided(said)]));
    const options = { ifMatch: c.req.header('if-match'), replaces };
    return answer(c, name, head, await changeApprovals({ store, blobs }, name, head, changes, options));
  };
  app.put('/datasets/:name/approvals', change(true));
  app.patch('/datasets/:name/approvals', change(false));

  return app;
}

function readDecided(said: z.output<typeof decidedSchema>): Decided {
  const { decision, note } = typeof said === 'object' && said !== null ? said : { decision: said, note: undefined };
  if (decision === null || decision === 'undecided') return undefined;
  return { decision, ...(note !== undefined && { note }) };
}

const example = {
  pictures: { 'IMG_0001.jpg': 'drop', 'IMG_0002.jpg': { decision: 'keep', note: 'meant to be dark' } },
};

export const approvalDocs: readonly RouteDoc[] = [
  {
    method: 'get',
    path: '/datasets/:name/approvals',
    summary:
      'Show the decisions on single pictures, their counts, and how many the dataset does not show yet. The ETag is ' +
      'the version of the list.',
  },
  {
    method: 'put',
    path: '/datasets/:name/approvals',
    summary: 'Replace the list of decisions. If-Match makes the call conditional. The next prepare follows the list.',
    body: changeSchema,
    example,
  },
  {
    method: 'patch',
    path: '/datasets/:name/approvals',
    summary: 'Decide about some pictures, and leave the other decisions as they are (JSON merge patch, RFC 7396).',
    body: changeSchema,
    example,
  },
];
