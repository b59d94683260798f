/** @file Datasets by name: list, show, put, delete; their pictures. */
import { Hono } from 'hono';
import { z } from 'zod';
import { memberName } from '../../configs/signals.ts';
import { InvalidInput } from '../../errors.ts';
import { requireDatasetHead } from '../../functions/datasets/dataset-head.ts';
import { summarizeDataset } from '../../functions/datasets/summarize-dataset.ts';
import { deleteDataset } from '../../functions/operations/delete-dataset.ts';
import { putDataset } from '../../functions/operations/put-dataset.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { openColumn } from '../../storage/blobs/read-column.ts';
import type { Json } from '../../storage/canonical.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { digestSchema, type Item, type Page } from '../../storage/records.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { readJsonAs } from '../read-body.ts';
import { describeLimit, readFlag, readLimit } from '../request-options.ts';

const putSchema = z.strictObject({ dataset: digestSchema });

export function createDatasetRoutes(deps: ServerDeps): Hono {
  const { store, blobs, executor } = deps;
  const app = new Hono();
  const { datasets } = createRefs(store);

  app.get('/datasets', async c => {
    const rows = await Promise.all(
      (await datasets.list()).map(async name => ({ name, dataset: (await datasets.read(name))?.value.dataset })),
    );
    return c.json({ v: 1, datasets: rows.filter(row => row.dataset !== undefined) });
  });

  app.get('/datasets/:name', async c => {
    const name = c.req.param('name');
    const { value, etag } = await requireDatasetHead(store, name);
    const dataset = await readDataset(blobs, value.dataset);
    const { pages, removed, encoders, rejects } = dataset;
    const columns = [...new Set(pages.flatMap(page => Object.keys(page.columns)))];
    c.header('etag', `"${etag}"`);
    return c.json({
      ...value,
      name,
      pages: pages.length,
      columns,
      encoders,
      rejects,
      removed: removed.length,
      ...summarizeDataset(dataset),
    });
  });

  app.put('/datasets/:name', async c => {
    const name = c.req.param('name');
    const { dataset } = await readJsonAs(c, putSchema);
    const ifMatch = c.req.header('if-match');
    const { etag, created } = await putDataset({ ...deps, call: executor.call }, name, dataset, { ifMatch });
    c.header('etag', `"${etag}"`);
    return c.json({ v: 1, name, dataset }, created ? 201 : 200);
  });

  app.delete('/datasets/:name', async c => {
    const force = readFlag(c.req.query('force'), 'force');
    await deleteDataset({ ...deps, now: deps.clock.now, call: executor.call }, c.req.param('name'), { force });
    return c.body(null, 204);
  });

  app.get('/datasets/:name/items', async c => {
    const { value } = await requireDatasetHead(store, c.req.param('name'));
    const { pages, removed } = await readDataset(blobs, value.dataset);
    const limit = readLimit(c.req.query('limit'));
    const start = readCursor(c.req.query('after'));
    const wanted = readColumns(c.req.query('with'));
    const gone = new Set(removed);
    const items: Json[] = [];
    let next: string | undefined;
    for (const [number, page] of pages.entries()) {
      if (next !== undefined) break;
      if (number < start.page) continue;
      const recordsOf = await openRecords(blobs, page, wanted);
      for (const [index, item] of (await readItems(blobs, page)).entries()) {
        if ((number === start.page && index <= start.index) || gone.has(item.id)) continue;
        items.push({ ...item, ...(await recordsOf(item)) });
        if (items.length < limit) continue;
        next = `${number}.${index}`;
        break;
      }
    }
    return c.json({ v: 1, dataset: value.dataset, items, ...(next !== undefined && { next }) });
  });

  return app;
}

/** Columns with a JSON record of each picture. */
const RECORD_COLUMNS = ['inspect', 'crop', 'curate'] as const;
const columnsSchema = z.array(z.enum(RECORD_COLUMNS));

function readColumns(text: string | undefined): z.output<typeof columnsSchema> {
  const parsed = columnsSchema.safeParse(text === undefined || text === '' ? [] : text.split(','));
  if (parsed.success) return parsed.data;
  throw new InvalidInput(`with=${text?.slice(0, 50)} is wrong`, {
    expected: `columns, with commas between them: ${RECORD_COLUMNS.join(', ')}`,
  });
}

/** Reads the records of an item, by column; those that the page has. */
async function openRecords(blobs: ServerDeps['blobs'], { columns }: Page, wanted: z.output<typeof columnsSchema>) {
  const readers = await Promise.all(
    wanted.flatMap(column => {
      const digest = columns[column];
      return digest ? [openColumn(blobs, digest).then(({ read }) => ({ column, read }))] : [];
    }),
  );
  return async ({ id }: Item): Promise<Record<string, Json>> => {
    const found: Record<string, Json> = {};
    for (const { column, read } of readers) {
      const member = await read(memberName(column, id));
      if (member !== undefined) found[column] = JSON.parse(Buffer.from(member).toString('utf8'));
    }
    return found;
  };
}

/** `<page>.<index>` of the last item that the client has. */
function readCursor(text: string | undefined): { readonly page: number; readonly index: number } {
  if (text === undefined || text === '') return { page: 0, index: -1 };
  const [, page, index] = /^(\d{1,7})\.(\d{1,5})$/.exec(text) ?? [];
  if (page !== undefined && index !== undefined) return { page: Number(page), index: Number(index) };
  throw new InvalidInput(`after=${text.slice(0, 50)} is wrong`, { expected: 'the "next" of the last answer' });
}

export const datasetDocs: readonly RouteDoc[] = [
  { method: 'get', path: '/datasets', summary: 'List the names of datasets, with their digests.' },
  {
    method: 'get',
    path: '/datasets/:name',
    summary:
      'Show a dataset: a summary, counts, sizes, columns, encoders, rejects, notes. The ETag is the version of the name.',
  },
  {
    method: 'put',
    path: '/datasets/:name',
    summary: 'Give a dataset a name, or move the name to it. If-Match makes the call conditional.',
    body: putSchema,
    example: { dataset: `sha256:${'0'.repeat(64)}` },
    responses: { 200: 'moved', 201: 'created' },
  },
  {
    method: 'delete',
    path: '/datasets/:name',
    summary:
      'Delete the name. gc erases the pictures that no other dataset has. Refused while experiments use the pictures ' +
      'or reports show them.',
    query: {
      force:
        'delete anyway: experiments on its pictures keep their checkpoints but cannot be trained further, and reports ' +
        'that show its pictures are deleted',
    },
    responses: { 204: 'deleted' },
  },
  {
    method: 'get',
    path: '/datasets/:name/items',
    summary: 'List the pictures of a dataset, page by page.',
    query: {
      after: 'the "next" of the last answer',
      with: `records of each picture beside it, with commas between them: ${RECORD_COLUMNS.join(', ')}`,
      limit: describeLimit('pictures'),
    },
  },
];
