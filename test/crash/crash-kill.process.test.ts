/**
 * @file Kills the real server and gpu-runner over a folder at some operations; `npm run test:crash` kills at all.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapBounded } from '../../storage/map-bounded.ts';
import { takesAll } from '../whole-suite.ts';
import { type CalmRun, type KillFolder, openKillFolder, runCalmly, runWithDeath } from './crash-kill.ts';
import { spreadOperations } from './crash-points.ts';
import { MOMENTS } from './mortal-store.ts';

const POINTS_OF_EACH = takesAll('kills of real processes at 4 of 8 operations') ? 4 : 2;
const CONCURRENT = 2;

let base: KillFolder;
let calm: CalmRun;

beforeAll(async () => {
  base = await openKillFolder();
  calm = await runCalmly(base);
}, 120_000);

afterAll(() => base.close());

test('an undisturbed pipeline trains both chunks and frees its lease', () => {
  expect(calm.ends.step).toBe(4);
  expect(calm.objects.get('leases/experiments/crash.json')).toBe('free');
  expect(calm.operations.server.length).toBeGreaterThan(200);
  expect(calm.operations.runner.length).toBeGreaterThan(30);
});

test(`after a kill of server or gpu-runner at each of ${2 * POINTS_OF_EACH} operations, the same calls end with the same objects`, async () => {
  const points = (['server', 'runner'] as const).flatMap(program =>
    spreadOperations(program, POINTS_OF_EACH, calm.operations[program].length).map((operation, i) => ({
      program,
      operation,
      moment: MOMENTS[i % MOMENTS.length] ?? 'before',
    })),
  );
  const outcomes = await mapBounded(points, { width: CONCURRENT }, point => runWithDeath(base, calm, point));
  expect(outcomes.filter(({ problems }) => problems.length > 0)).toEqual([]);
  // How often a run is looked at depends on the time it takes, so the last points may lie behind its end.
  expect(outcomes.filter(({ died }) => died !== undefined).length).toBeGreaterThanOrEqual(points.length - 2);
}, 600_000);
