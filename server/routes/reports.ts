/** @file Reports of comparisons by name: list, show, delete. */
import { Hono } from 'hono';
import { deleteReport, requireReport } from '../../functions/operations/delete-report.ts';
import { reportFolder } from '../../functions/views/report-view.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';

export function createReportRoutes({ store }: ServerDeps): Hono {
  const app = new Hono();
  const { reports } = createRefs(store);

  app.get('/reports', async c => {
    const rows = await Promise.all(
      (await reports.list()).map(async name => ({ name, title: (await reports.read(name))?.value.title })),
    );
    return c.json({ v: 1, reports: rows.filter(({ title }) => title !== undefined) });
  });

  app.get('/reports/:name', async c => {
    const name = c.req.param('name');
    const { value, etag } = await requireReport(store, name);
    c.header('etag', `"${etag}"`);
    return c.json({ ...value, name, folder: reportFolder(name) });
  });

  app.delete('/reports/:name', async c => {
    await deleteReport(store, c.req.param('name'));
    return c.body(null, 204);
  });

  return app;
}

export const reportDocs: readonly RouteDoc[] = [
  { method: 'get', path: '/reports', summary: 'List the reports of comparisons.' },
  {
    method: 'get',
    path: '/reports/:name',
    summary: 'Show a report: its title, and the digests of its page (html), numbers (report) and sources (runs).',
  },
  {
    method: 'delete',
    path: '/reports/:name',
    summary: 'Delete a report. gc deletes the pictures in it that no experiment has.',
    responses: { 204: 'deleted' },
  },
];
