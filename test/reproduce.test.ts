/** Published pictures are made again in an empty store, over the HTTP interface, from what the answers tell alone. */
import { beforeAll, describe, expect, test } from 'vitest';
import { checkOutput } from '../cli/commands/reproduce.ts';
import { digestOf } from '../cli/digest.ts';
import type { JsonValue } from '../cli/http.ts';
import { type Lineage, lineageSchema, nameOf, uniteLineages } from '../cli/reproduce/lineage.ts';
import { checkLineage, rebuild, type Site } from '../cli/reproduce/rebuild.ts';
import { rebuildError } from '../errors-wire.ts';
import { withPngText } from '../formats/png.ts';
import { ACTION_KEYWORD, readPngAction } from '../formats/png-action.ts';
import { readProblem } from '../formats/problem.ts';
import { createTrainingLab, TOY_CONFIG, type TrainingLab } from '../functions/testing/training.ts';
import { createApp } from '../server/app.ts';
import { parseEnv } from '../server/env.ts';
import { SYSTEM_CLOCK } from '../storage/clock.ts';
import { parseDigest } from '../storage/digest.ts';
import { blobKey } from '../storage/keys.ts';
import { listAll } from '../storage/list-all.ts';

interface OpenedSite extends Site {
  readonly lab: TrainingLab;
  /** Paths of the objects that were read. */
  readonly read: string[];
}

/** @param rounding Sites of unlike rounding compute unlike bytes. */
function openSite(rounding = ''): OpenedSite {
  const lab = createTrainingLab(undefined, { rounding });
  const app = createApp({ ...lab, env: parseEnv({ EASEL_STORE: 'memory:' }, '/'), clock: SYSTEM_CLOCK });
  const read: string[] = [];
  const request: Site['request'] = async (method, path, { body, headers } = {}) => {
    const sent = body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body);
    const answer = await app.request(path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: sent }),
    });
    if (answer.ok) return answer;
    const problem = readProblem(await answer.json().catch(() => undefined));
    throw rebuildError(problem ?? { code: 'unknown', status: answer.status, message: path, retryable: false });
  };
  return {
    lab,
    read,
    request,
    async bytes(path) {
      read.push(path);
      return new Uint8Array(await (await request('GET', path)).arrayBuffer());
    },
    async upload(digest, bytes, mediaType) {
      await request('PUT', `/objects/${digest}`, { body: bytes, headers: { 'content-type': mediaType } });
    },
    async call(name, body) {
      const { result, cache, action } = await lab.executor
        .call(name, body as JsonValue)
        .then(answer => ({ ...answer, result: JSON.parse(JSON.stringify(answer.result)) as JsonValue }));
      return { result, cache, action };
    },
  };
}

let first: OpenedSite;
let pngs: Uint8Array[];

async function lineageOf(png: Uint8Array, from = 'originals'): Promise<Lineage> {
  const answer = await first.request('GET', `/actions/${readPngAction(png)}/lineage?from=${from}`);
  return lineageSchema.parse(await answer.json());
}

const PROMPTS = ['a red hat', 'a blue hat', 'no hat', 'two hats', 'a green hat'];

beforeAll(async () => {
  first = openSite();
  const { lab } = first;
  const preview = { prompts: PROMPTS, steps: 2 };
  await lab.create('toy', { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, preview } });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
  pngs = [];
  for await (const { key } of listAll(lab.store, 'experiments/toy/previews/')) {
    if (key.endsWith('.png')) pngs.push((await lab.store.get(key))?.body ?? new Uint8Array());
  }
});

describe('pictures of a run whose early checkpoints are deleted', () => {
  test('20 of 20 are made again from originals, byte for byte', async () => {
    expect(pngs).toHaveLength(20);
    const lineage = uniteLineages(await Promise.all(pngs.map(png => lineageOf(png))));
    checkLineage(lineage);
    const second = openSite();
    const rebuilt = await rebuild(first, second, lineage);
    expect(rebuilt).toMatchObject({ computed: lineage.steps.length, found: 0, copied: lineage.leaves.length });
    expect(rebuilt.difference).toBeUndefined();
    // 4 chunks, and a preview after each.
    expect(lineage.steps.map(nameOf).sort()).toHaveLength(8);
    const made = await Promise.all(pngs.map(async png => (await second.bytes(`/objects/${digestOf(png)}`)).length));
    expect(made).toEqual(pngs.map(png => png.length));
  });

  test('only leaves are read from the first store: no checkpoint, no tensor, no picture', async () => {
    const lineage = await lineageOf(pngs.at(-1) as Uint8Array);
    first.read.length = 0;
    await rebuild(first, openSite(), lineage);
    expect(first.read.sort()).toEqual(lineage.leaves.map(({ digest }) => `/objects/${digest}`).sort());
    expect(lineage.leaves.map(({ role }) => role)).not.toContain('checkpoint');
  });

  test('a second call finds everything in the store, and says so', async () => {
    const lineage = await lineageOf(pngs[0] as Uint8Array);
    const second = openSite();
    await rebuild(first, second, lineage);
    const steps = lineage.steps.length;
    expect(await rebuild(first, second, lineage)).toEqual({ copied: 0, computed: 0, found: steps });
  });

  test('a device that computes other bits is found at the first chunk, by the path in the checkpoint', async () => {
    // The last preview, whose first checkpoint is deleted, and the first, whose checkpoint is trained again.
    const { difference } = await rebuild(first, openSite('other'), await lineageOf(pngs.at(-1) as Uint8Array));
    expect(difference && [nameOf(difference.step), difference.output]).toEqual(['train-chunk 0-4', 'checkpoint']);
    expect(difference?.where).toBeUndefined();
    const near = await rebuild(first, openSite('other'), await lineageOf(pngs.at(-1) as Uint8Array, 'checkpoint'));
    expect(near.difference && nameOf(near.difference.step)).toBe('preview');
    expect(near.difference?.where).toMatch(/^links\.0$|^pictures\.0\.image\.digest$|^byte \d+ of \d+$/);
  });
});

test('a picture whose text was forged or whose pixels were changed is refused before any work', async () => {
  const [one, other] = [pngs[0] as Uint8Array, pngs.at(-1) as Uint8Array];
  const lineage = await lineageOf(one);
  const told = (png: Uint8Array) => ({ file: 'a.png', action: readPngAction(png) ?? '', digest: digestOf(png) });
  expect(() => checkOutput(told(one), lineage)).not.toThrow();
  const forged = withPngText(other, ACTION_KEYWORD, readPngAction(one) ?? '');
  expect(() => checkOutput(told(forged), lineage)).toThrow('a.png is not what the action that it tells has made');
  expect(() => checkOutput(told(other), lineage)).toThrow('a.png');
});

test('an original that is gone is named with its reader, before any work', async () => {
  const lineage = await lineageOf(pngs[0] as Uint8Array);
  const gone =
    lineage.leaves.find(({ role, media_type }) => role === 'originals' && media_type !== 'application/json')?.digest ??
    '';
  const key = blobKey(parseDigest(gone));
  const stored = await first.lab.store.get(key);
  await first.lab.store.delete(key);
  const holey = await lineageOf(pngs[0] as Uint8Array);
  await first.lab.store.put(key, stored?.body ?? new Uint8Array(), { mediaType: stored?.mediaType ?? '' });
  expect(() => checkLineage(holey)).toThrow(`${gone} (originals), which train-chunk 0-4 reads`);
});

test('a step of another version of a function is refused with both versions', async () => {
  const lineage = await lineageOf(pngs[0] as Uint8Array);
  expect(lineage.steps.map(({ stale }) => stale)).toEqual([undefined, undefined]);
  const [step] = lineage.steps;
  const stale = { ...lineage, steps: [{ ...step, stale: 'version: 4, now 5' } as Lineage['steps'][number]] };
  expect(() => checkLineage(stale)).toThrow(
    'train-chunk 0-4 would be another action in this version of Easel: version: 4',
  );
});

test.each([
  ['/actions/sha256:12/lineage', 400],
  [`/actions/sha256:${'0'.repeat(64)}/lineage`, 404],
  [`/actions/sha256:${'0'.repeat(64)}/why`, 404],
  [`/actions/sha256:${'0'.repeat(64)}/lineage?from=nowhere`, 400],
])('GET %s answers %i', async (path, status) => {
  await expect(first.request('GET', path)).rejects.toMatchObject({ status });
});
