import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ran, runEasel } from '../test/site/run-easel.ts';

const none = { total: 0, items: [] };
const VERDICT = {
  v: 1,
  ok: false,
  blobs: { count: 12, bytes: 34_567 },
  documents: 8,
  unreferenced: { count: 1, bytes: 5 },
  damaged: {
    total: 3,
    items: [
      {
        digest: 'sha256:d',
        needed_by: ['refs/datasets/p.json', 'sha256:p'],
        made_again_by: 'bucket sha256:b',
        size: 5,
      },
      { digest: 'sha256:e', needed_by: [], made_again_by: null, size: 6 },
    ],
  },
  missing: none,
  stale: { total: 1, items: [{ digest: 'sha256:s', needed_by: ['actions/x/1.json'], made_again_by: null }] },
  unreadable: { total: 1, items: [{ what: 'actions/x/2.json', reason: 'it is no JSON' }] },
  foreign: none,
  views: { rebuilt: 2, deleted: none, failed: none },
};

const ESTIMATE = {
  v: 1,
  folder: '/pictures/My Photos',
  found: { files: 3, pictures: 2, bytes: 5_000_000, texts: 1 },
  probe: { pictures: 2, rejected: 0, uncaptioned: 0, seconds: 1 },
  stages: [{ name: 'bucket', seconds_per_picture: 0.5, seconds: 1 }],
  seconds: 1,
  disk: { originals_bytes: 5_000_000, bytes_per_picture: { image: 1000 }, total_bytes: 5_002_000 },
  problems: [],
  assumptions: ['no other work goes on'],
};

const EXPERIMENT = {
  v: 1,
  name: 'slow',
  state: 'paused',
  step: 100,
  steps: 750,
  checkpoints: [{ step: 100, pinned: true }, { step: 200 }],
};

/** What the server would answer; the call of `slow` is a run with events. */
const answers: Readonly<Record<string, readonly [number, unknown, Readonly<Record<string, string>>?]>> = {
  'GET /functions/prepare': [200, { input: {} }],
  'POST /functions/estimate': [200, { v: 1, state: 'done', result: ESTIMATE }],
  'POST /functions/prepare': [200, { v: 1, state: 'done', result: { summary: ['2 pictures taken', '1 is turned'] } }],
  'GET /health': [
    200,
    {
      v: 1,
      status: 'ok',
      version: '0.1.0',
      store: 'file:/data',
      runner: {
        v: 1,
        pid: 42,
        uptime: 90,
        device: 'cpu',
        heartbeat_age_ms: 3,
        running: { action: `sha256:${'a'.repeat(64)}`, kind: 'train-chunk', phase: 'train' },
        queued: 2,
        finished: 7,
        stopping: false,
        engines: [
          { name: 'onnxruntime/cpu', available: true, device: 'x64', version: '1.30.0', threads: 2 },
          { name: 'xla/cuda', available: false, reason: 'no plugin' },
        ],
      },
    },
  ],
  'GET /experiments': [
    200,
    { v: 1, experiments: [{ name: 'faces', state: 'running', step: 100, samples: 6400, target: 48000 }] },
  ],
  'POST /experiments/faces/branch': [201, EXPERIMENT],
  'POST /experiments/faces/pin': [200, { ...EXPERIMENT, name: 'faces' }],
  'DELETE /experiments/faces/pin/100': [200, { ...EXPERIMENT, name: 'faces', checkpoints: [{ step: 200 }] }],
  'POST /experiments/faces/pause': [200, { ...EXPERIMENT, name: 'faces' }],
  'DELETE /experiments/faces': [204, undefined],
  'POST /functions/verify': [200, { v: 1, result: VERDICT }],
  'POST /functions/gc': [
    200,
    {
      v: 1,
      state: 'done',
      cache: 'miss',
      result: {
        delete: true,
        marked: { objects: 70, bytes: 4_200_000_000 },
        garbage: { objects: 5, bytes: 1_240_000_010 },
        due: { objects: 4, bytes: 1_240_000_000 },
        swept: { objects: 3, bytes: 1_200_000_000 },
        kinds: {
          checkpoints: {
            garbage: { objects: 4, bytes: 1_240_000_000 },
            due: { objects: 4, bytes: 1_240_000_000 },
            swept: { objects: 3, bytes: 1_200_000_000 },
          },
          runs: { garbage: { objects: 1, bytes: 10 }, due: { objects: 0, bytes: 0 }, swept: { objects: 0, bytes: 0 } },
        },
        missing: [],
        next_due_at: '2026-01-03T00:00:00.000Z',
      },
    },
  ],
  'POST /functions/slow': [202, { v: 1 }, { location: '/runs/sha256:1' }],
  'POST /functions/wrong': [
    400,
    {
      status: 400,
      code: 'invalid_input',
      detail: 'the body is wrong',
      expected: 'known keys',
      hint: 'see GET /functions/wrong',
      errors: [{ pointer: '/cuont', detail: 'unknown key' }],
    },
  ],
};
const EVENTS = `id: 1\nevent: progress\ndata: {"phase":"train","done":1,"total":2,"metrics":{"loss":0.5}}\n\nid: 2\nevent: done\ndata: {"result":{"loss":0.25},"cache":"miss"}\n\n`;

const bodies: string[] = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  if (body !== '') bodies.push(body);
  if (request.url === '/runs/sha256:1/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(EVENTS);
    return;
  }
  const [status, document, headers = {}] = answers[`${request.method} ${request.url}`] ?? [404, {}];
  response.writeHead(status, headers).end(document === undefined ? undefined : JSON.stringify(document));
});

beforeAll(() => new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve)));
afterAll(() => void server.close());

function easel(...words: readonly string[]): Promise<Ran> {
  return runEasel(words, { EASEL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

test('status shows server, runner, queue and experiments', async () => {
  const { code, stdout } = await easel('status');
  expect(code).toBe(0);
  expect(stdout.replace(/:\d{4,5}/, ':PORT')).toMatchInlineSnapshot(`
    "server  http://127.0.0.1:PORT (ok, version 0.1.0)
    store   file:/data
    runner  pid 42, device cpu, up 1m30s
    job     train-chunk train sha256:aaaaaaaaaaaa
    queue   2 waiting, 7 finished

    experiment  state    step  samples  of
    faces       running  100   6400     48000
    "
  `);
});

test('engines says why an engine is unavailable', async () => {
  expect((await easel('engines')).stdout).toMatchInlineSnapshot(`
    "engine           available  device  version  threads  precisions  reason
    onnxruntime/cpu  yes        x64     1.30.0   2        f32
    xla/cuda         no         -       -        -        -           no plugin
    "
  `);
});

test('call prints only the result on stdout, and progress on stderr', async () => {
  const { code, stdout, stderr } = await easel('call', 'slow', 'count=3', 'run.name=x', '--wait', '0');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ loss: 0.25 });
  expect(stderr).toBe('train 1/2  loss 0.5\n');
  expect(bodies.at(-1)).toBe('{"count":3,"run":{"name":"x"}}');
  expect((await easel('call', 'slow', '--quiet', '--body', '{"a":1}')).stderr).toBe('');
  expect(bodies.at(-1)).toBe('{"a":1}');
});

test('call ends with the summary of an answer, on stderr', async () => {
  const { stdout, stderr } = await easel('call', 'prepare', 'dataset=x');
  expect(JSON.parse(stdout).summary).toHaveLength(2);
  expect(stderr).toBe('- 2 pictures taken\n- 1 is turned\n');
  expect((await easel('call', 'prepare', 'dataset=x', '--quiet')).stderr).toBe('');
});

test('prepare tells what a folder takes before it goes on, and ends with the next command', async () => {
  const words = ['prepare', '/pictures/My Photos', '--size', '256', 'quantum=16', '--image', 'dct,efficientnet-lite0'];
  const body = {
    dataset: 'my-photos',
    folder: '/pictures/My Photos',
    size: 256,
    image_encoders: ['dct', 'efficientnet-lite0'],
    quantum: 16,
    captions: { source: 'ollama', model: 'gemma3:4b', words: [60, 90] },
  };
  const { code, stdout } = await easel(...words, '--captions', 'ollama:gemma3:4b', 'captions.words=[60,90]', '--yes');
  expect(code).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "/pictures/My Photos: 2 pictures, 5.00 MB; 1 text; 3 files in all
    time, measured on 2 pictures in 1s:
      bucket    1s, 2 pictures/s
      together  about 1s
    disk: 5.00 MB: copies of the files 5.00 MB; for each picture image 1.00 KB
    assumed: no other work goes on
    - 2 pictures taken
    - 1 is turned
    look at the pictures: /data/datasets/my-photos/report.html
    then: easel create first --dataset my-photos --config portraits
    "
  `);
  expect(bodies.slice(-2).map(sent => JSON.parse(sent))).toEqual([{ prepare: body }, body]);

  const unasked = await easel(...words);
  expect([unasked.code, unasked.stdout]).toEqual([1, expect.stringContaining('2 pictures, 5.00 MB')]);
  expect(unasked.stderr).toContain('--yes');
  expect(JSON.parse(bodies.at(-1) ?? '')).toHaveProperty('prepare');
});

test('branch sends the changes of the config, however they are given', async () => {
  const { code, stdout } = await easel('branch', 'faces', 'slow', '--from', '100', '--set', 'run.keep=3', 'seed=1');
  expect(code).toBe(0);
  expect(stdout).toBe('slow begins at step 100 of faces\ntrain it: easel call train experiment=slow\n');
  const body = { name: 'slow', from: 100, config: { run: { keep: 3 }, seed: 1 } };
  expect(JSON.parse(bodies.at(-1) ?? '')).toEqual(body);
  const more = ['--set', 'a.b=1', '--set', 'a.c=x', '--set=d=2', '--target', '6400', '--from', 'sha256:1', '--json'];
  expect(JSON.parse((await easel('branch', 'faces', 'slow', ...more)).stdout)).toEqual(EXPERIMENT);
  const config = { a: { b: 1, c: 'x' }, d: 2 };
  expect(JSON.parse(bodies.at(-1) ?? '')).toEqual({ name: 'slow', from: 'sha256:1', config, target: 6400 });
});

test('pin, pause and delete say how the experiment is now', async () => {
  expect((await easel('pin', 'faces', '100')).stdout).toBe('faces: pinned steps 100\n');
  expect(bodies.at(-1)).toBe('{"step":100}');
  expect((await easel('pin', 'faces', '100', '--remove')).stdout).toBe('faces: pinned steps (none)\n');
  expect((await easel('pause', 'faces')).stdout).toBe(
    'faces: paused, step 100 of 750; a chunk in progress still ends\n',
  );
  expect((await easel('delete', 'faces')).stdout).toBe('faces is deleted\n');
});

test('gc shows unreachable and deleted objects', async () => {
  const { code, stdout } = await easel('gc', '--delete', '--retention', '7d');
  expect(code).toBe(0);
  expect(bodies.at(-1)).toBe('{"delete":true,"retention_seconds":604800}');
  expect(stdout).toMatchInlineSnapshot(`
    "kind         unreachable  size     deleted  size
    checkpoints  4            1.24 GB  3        1.20 GB
    runs         1            10 B     0        0 B
    all          5            1.24 GB  3        1.20 GB

    70 blobs (4.20 GB) are reachable.
    The noted objects fall due at 2026-01-03T00:00:00.000Z: call again then.
    "
  `);
  expect((await easel('gc')).code).toBe(0);
  expect(bodies.at(-1)).toBe('{"delete":false}');
  expect(JSON.parse((await easel('gc', '--json')).stdout)).toMatchObject({ swept: { objects: 3 } });
});

test('a refusal by the server is explained on stderr, with exit code 1', async () => {
  const { code, stdout, stderr } = await easel('call', 'wrong', 'cuont=3');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatchInlineSnapshot(`
    "easel: the body is wrong
      /cuont: unknown key
      expected: known keys
      hint: see GET /functions/wrong
    "
  `);
});

test('wrong arguments are refused before a request is sent', async () => {
  const sent = bodies.length;
  for (const args of [
    ['call'],
    ['call', 'slow', 'x'],
    ['call', 'slow', '--wait', 'x'],
    ['gc', '--grace', '2 days'],
    ['branch', 'faces', 'slow', '--from', 'x'],
    ['pin', 'faces', '--remove'],
    ['up', '--prot', '1'],
    ['up', '--port', 'x'],
    ['statsu'],
    ['toString'],
  ]) {
    const { code, stderr } = await easel(...args);
    expect([args, code]).toEqual([args, 1]);
    expect(stderr).not.toMatch(/\n\s+at /);
  }
  expect(bodies.length).toBe(sent);
  expect((await easel('statsu')).stderr).toContain('did you mean `easel status`?');
  expect((await easel('train', 'first')).stderr).toContain('easel call train experiment=NAME');
  expect((await easel('status', '--jsno')).stderr).toBe(
    'easel: this command has no option --jsno\n  expected: --json, --url\n  hint: did you mean --json?\n',
  );
  expect((await easel('status', '--url', 'nonsense')).stderr).toContain('"nonsense" is not the address of a server');
});

test('--help lists the commands, and the options of a command', async () => {
  const { code, stdout } = await easel('--help');
  expect(code).toBe(0);
  for (const command of [
    'up',
    'status',
    'engines',
    'call',
    'branch',
    'pin',
    'pause',
    'delete',
    'preflight',
    'gc',
    'models',
  ])
    expect(stdout).toMatch(new RegExp(`^ +${command} `, 'm'));
  const help = (await easel('up', '--help')).stdout;
  expect(help).toContain('--store');
  expect((await easel('help', 'up')).stdout).toBe(help);
  // This is a pipe.
  expect(stdout).not.toContain('\x1b');
});

test('verify lists damage and exits with 1', async () => {
  const { code, stdout } = await easel('verify', '--rebuild-views');
  expect(code).toBe(1);
  expect(JSON.parse(bodies.at(-1) ?? '')).toEqual({ repair: false, rebuild_views: true });
  expect(stdout).toMatchInlineSnapshot(`
    "read: blobs 12 (34.6 KB), documents 8
    unreachable blobs: 1 (5 B)
    damaged blobs: 3
      sha256:d
        needed by refs/datasets/p.json > sha256:p
        made again by bucket sha256:b
      sha256:e
        needed by nothing
        no result names its maker
      and 1 more
    unreadable documents: 1
      actions/x/2.json: it is no JSON
    missing blobs that only cached results name (made again when used): 1
    views: rebuilt 2, deleted 0 whose name is gone
    to repair, run it with --repair: it deletes damaged blobs and makes missing ones again
    "
  `);
});
