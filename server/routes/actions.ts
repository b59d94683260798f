/** @file Actions: how their outputs can be made again, and why they ran. */
import { Hono } from 'hono';
import { InvalidInput } from '../../errors.ts';
import { describeLineage, lineageAnswerSchema } from '../../functions/provenance/describe-lineage.ts';
import { explainRun, whyAnswerSchema } from '../../functions/provenance/explain-run.ts';
import { parseDigest } from '../../storage/digest.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';

export function createActionRoutes(deps: ServerDeps): Hono {
  const app = new Hono();
  app.get('/actions/:action/lineage', async c => {
    const action = parseDigest(c.req.param('action'));
    const from = c.req.query('from') ?? 'originals';
    if (from !== 'originals' && from !== 'checkpoint') {
      throw new InvalidInput(`from "${from.slice(0, 50)}" is wrong`, { expected: 'originals or checkpoint' });
    }
    return c.json(await describeLineage(deps, action, { from }), 200, { 'cache-control': 'no-store' });
  });
  app.get('/actions/:action/why', async c => {
    const action = parseDigest(c.req.param('action'));
    return c.json(await explainRun(deps.store, deps.blobs, action), 200, { 'cache-control': 'no-store' });
  });
  return app;
}

export const actionDocs: readonly RouteDoc[] = [
  {
    method: 'get',
    path: '/actions/:action/lineage',
    summary:
      'The calls that make the outputs of an action again, in their order, and the originals, configs and weights that ' +
      'they begin with. `easel reproduce` makes these calls in a second store.',
    query: {
      from: 'originals (default): from the first step; checkpoint: from checkpoints and datasets that are stored',
    },
    answer: lineageAnswerSchema,
  },
  {
    method: 'get',
    path: '/actions/:action/why',
    summary:
      'Which input made an action run: what differs from the most similar action before it, followed to the parameter, ' +
      'config key or original that changed.',
    answer: whyAnswerSchema,
  },
];
