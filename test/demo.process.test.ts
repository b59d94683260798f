/**
 * @file The demo as a newcomer starts it, at a size that takes seconds: ends with a grid, is cached, prints every call.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planDemo } from '../examples/demo/options.ts';
import { summarySchema } from '../examples/demo/write-summary.ts';
import { hasMinio } from './minio-tier.ts';
import { takesAll } from './whole-suite.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-demo-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** On the engine that every machine has. Varied wording is measured in free wording, too. */
const SIZES = [
  ...['--samples', '128', '--size', '32', '--pictures', '192', '--prompts', '8', '--wording', 'varied'],
  ...['--engine', 'onnxruntime/cpu'],
];

function demoCommand(store = join(folder, 'store'), out = 'out') {
  const args = ['examples/demo.ts', ...SIZES, '--store', store, '--out', join(folder, out)];
  const env = { ...process.env, EASEL_DEVICE: `demo-${process.pid}`, NO_COLOR: '1' };
  return { args, options: { cwd: root, env } };
}

async function runDemo(...where: Parameters<typeof demoCommand>): Promise<string> {
  const { args, options } = demoCommand(...where);
  return (await run(process.execPath, args, options)).stdout;
}

async function readOut(name: string, out = 'out'): Promise<Buffer> {
  return readFile(join(folder, out, name));
}

async function readSummary(out = 'out') {
  return summarySchema.parse(JSON.parse(String(await readOut('summary.json', out))));
}

/** Starts it, interrupts it as soon as it trains, and tells how it ended. */
function interruptDemo(): Promise<{ readonly code: number | null; readonly said: string }> {
  const { args, options } = demoCommand();
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise(resolve => {
    let said = '';
    let interrupted = false;
    child.stdout.on('data', chunk => {
      said += String(chunk);
      if (interrupted || !/^train \d+\/128/m.test(said)) return;
      interrupted = true;
      child.kill('SIGINT');
    });
    child.once('close', code => resolve({ code, said }));
  });
}

test('the demo goes on after an interrupt, and a third run computes nothing', { timeout: 300_000 }, async () => {
  const stopped = await interruptDemo();
  expect(stopped.said).toContain('the same command goes on from there');
  expect(stopped.said).toContain(join(folder, 'out', 'previews.png'));
  expect(stopped.code).toBe(130);
  expect(await readdir(join(folder, 'out'))).not.toContain('summary.json');

  const said = await runDemo();
  expect(said).toMatch(/^going on from (32|64|96) samples$/m);
  const summary = await readSummary();
  expect(summary).toMatchObject({ set: 'portraits', steps: 4, samples: 128, grid: join(folder, 'out', 'grid.png') });
  for (const { samples, real, low, high } of Object.values(summary.accuracy)) {
    expect(low).toBeLessThanOrEqual(samples);
    expect(high).toBeGreaterThanOrEqual(samples);
    // What is measured on real pictures does not depend on training.
    expect(real).toBeGreaterThan(0.7);
  }
  // The same numbers in the table, and prompts in free wording in a column of their own.
  expect(Object.keys(summary.free_wording ?? {})).toEqual(Object.keys(summary.accuracy));
  expect(said).toMatch(/^shows what the prompt says +8 fresh prompts +in free wording +8 real pictures$/m);
  expect(said).toMatch(/^free wording: the same portraits, .*\n {2}"\w/m);
  const [grid, previews] = await Promise.all([readOut('grid.png'), readOut('previews.png')]);
  expect(grid.subarray(1, 4).toString()).toBe('PNG');
  // A row for each preview, those before the interruption among them.
  expect(said).toMatch(/^preview at 128 samples: row 4 of 4, /m);
  // Pictures of 32 pixels, drawn 4 times as large.
  expect(previews.readUInt32BE(20)).toBeGreaterThan(4 * 4 * 32);

  // Every call was told, and the script makes the same ones.
  const script = String(await readOut('calls.sh'));
  for (const path of ['/functions/prepare', '/train', '/functions/sample', '/functions/contact-sheet', '/objects/']) {
    expect(said).toMatch(new RegExp(`^\\$ curl .*${path}`, 'm'));
    expect(script).toContain(path);
  }
  await run('bash', ['-n', join(folder, 'out', 'calls.sh')]);

  const again = await runDemo();
  expect(again).toContain('Everything was cached: nothing was computed again');
  expect(await readOut('grid.png')).toEqual(grid);
  expect(await readOut('previews.png')).toEqual(previews);
  expect(await readSummary()).toEqual(summary);
});

test.skipIf(!hasMinio || !takesAll('the demo on a MinIO'))(
  'the demo on a MinIO of its own ends with the same bytes as on a folder',
  { timeout: 600_000 },
  async () => {
    // What the first test has left, or, when this one runs alone, a run of its own.
    await runDemo();
    const store = `minio:${join(folder, 'minio')}`;
    const said = await runDemo(store, 'out-minio');
    expect(said).toMatch(/^MinIO is up: http:\/\/127\.0\.0\.1:\d+ /m);
    expect(said).toMatch(
      /^preview at .*: row \d of 4, s3:\/\/easel\/experiments\/portraits-32-of-192-varied-128-onnxruntime-cpu\/previews\/step\d+\/$/m,
    );
    expect(said).toContain('store up minio --folder ');
    const [onFolder, onMinio] = [await readSummary(), await readSummary('out-minio')];
    const ran = { grid: expect.any(String), seconds: expect.any(Number), samples_per_second: expect.any(Number) };
    expect(onMinio).toEqual({ ...onFolder, ...ran });
    expect(await readOut('grid.png', 'out-minio')).toEqual(await readOut('grid.png'));

    // MinIO has ended with the demo, and the next one finds it all in its folder.
    expect(await runDemo(store, 'out-minio')).toContain('Everything was cached: nothing was computed again');
  },
);

test('the options of the demo decide its names and numbers', () => {
  expect(planDemo([])).toMatchObject({
    samples: 22_000,
    warmupSamples: 2750,
    startSamples: 320,
    chunkSteps: 115,
    patch: 8,
    dataset: 'portraits-64',
    experiment: 'portraits-64',
    out: join('out', 'demo-64'),
  });
  expect(planDemo(['--samples', '2000', '--size', '32'])).toMatchObject({
    warmupSamples: 700,
    patch: 4,
    dataset: 'portraits-32',
    experiment: 'portraits-32-2000',
    out: join('out', 'demo-32-2000'),
  });
  const storeOf = (store: string) => {
    const plan = planDemo(['--store', store]);
    return [plan?.store, plan?.minio];
  };
  expect(storeOf('some/folder')).toEqual(['file:some/folder', undefined]);
  expect(storeOf('s3://easel?endpoint=http://127.0.0.1:9000')[0]).toBe('s3://easel?endpoint=http://127.0.0.1:9000');
  expect(storeOf('minio')).toEqual([undefined, 'data/minio-demo']);
  expect(storeOf('minio:some/folder')).toEqual([undefined, 'some/folder']);
  expect(planDemo(['--help'])).toBeUndefined();
  for (const words of [['--size', '48'], ['--samples', '10'], ['--samples', 'x'], ['--sample', '500'], ['500']]) {
    expect(() => planDemo(words)).toThrow(/wrong|unknown|unexpected/i);
  }
});
