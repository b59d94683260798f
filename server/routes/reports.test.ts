import { expect, test } from 'vitest';
import { ENGINE, TOY_CONFIG } from '../../functions/testing/training.ts';
import { createTrainingServer } from '../testing/training.ts';

test('a report is made, listed, read as a page and deleted over HTTP', async () => {
  const server = await createTrainingServer();
  const { dataset } = server;
  await server.expectJson(201, 'PUT', '/experiments/toy', { config: TOY_CONFIG, dataset, engine: ENGINE });
  expect(await server.expectJson(200, 'GET', '/reports')).toEqual({ v: 1, reports: [] });
  const wait = { prefer: 'wait=30' };
  const { result } = await server.expectJson(200, 'POST', '/functions/compare', { experiments: ['toy'] }, wait);
  expect(result).toMatchObject({ name: 'toy', folder: 'reports/toy/', verdict: { better: null } });
  expect(await server.expectJson(200, 'GET', '/reports')).toEqual({ v: 1, reports: [{ name: 'toy', title: 'toy' }] });
  const { html } = await server.expectJson(200, 'GET', '/reports/toy');
  expect(html).toBe(result.html);
  expect(await (await server.send('GET', `/objects/${html}`)).text()).toContain('toy is not trained yet.');
  await server.expectJson(200, 'POST', '/experiments/toy/train', {}, wait);
  await server.expectJson(200, 'POST', '/functions/compare', { experiments: ['toy'] }, wait);
  expect(await server.expectJson(200, 'DELETE', '/experiments/toy')).toEqual({
    ...{ v: 1, name: 'toy', reports: ['toy'] },
    hint: 'they keep its pictures: DELETE /reports/toy lets them go',
  });
  expect((await server.send('DELETE', '/reports/toy')).status).toBe(204);
  expect((await server.send('GET', '/reports/toy')).status).toBe(404);
  expect((await server.send('GET', '/reports/..%2Ftoy')).status).toBe(400);
});
