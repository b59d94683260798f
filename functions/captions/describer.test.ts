import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Busy, Unprocessable } from '../../errors.ts';
import { FakeTime, SLEEP_PASSES } from '../../storage/testing/fake-time.ts';
import type { CaptionSource, DescribeRequest } from '../define.ts';
import { GEMMA_DIGEST, startModelServer } from '../testing/model-server.ts';
import { parseCaptionServers } from './caption-servers.ts';
import { createDescriber } from './describer.ts';

const KEY = 'sk-secret-0123456789';
const server = await startModelServer();
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  server.script.length = 0;
  server.questions.length = 0;
  server.delayMs = 0;
  server.forQuestion = () => ({});
  server.models = [{ name: 'gemma3:27b', digest: GEMMA_DIGEST, capabilities: ['completion', 'vision'] }];
});

function open(env: Readonly<Record<string, string>> = {}, deadlineMs?: number) {
  const time = new FakeTime(SLEEP_PASSES);
  const servers = parseCaptionServers({
    EASEL_OLLAMA: server.url,
    EASEL_OPENAI: `${server.url}/v1`,
    EASEL_OPENAI_KEY: KEY,
    ...env,
  });
  const limits = deadlineMs === undefined ? servers : { ...servers, deadlineMs };
  return { time, describer: createDescriber(limits, { clock: time.clock(), random: () => 0.5 }) };
}

const asked = (source: CaptionSource, more: Partial<DescribeRequest> = {}): DescribeRequest => ({
  source,
  model: 'gemma3:27b',
  prompt: 'Describe it.',
  png: Buffer.from('a picture'),
  temperature: 0.7,
  seed: 3,
  maxTokens: 700,
  ...more,
});
const never = new AbortController().signal;
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => new Error('it succeeded'),
    error => error,
  );

describe.each(['ollama', 'openai'] as const)('the source %s', source => {
  test('is asked as its protocol wants, with the key of the environment if there is one', async () => {
    const answer = await open().describer.describe(asked(source), never);
    expect(answer).toMatchObject({ text: expect.stringMatching(/^A .*\.$/), finish: 'stop' });
    expect(answer.modelDigest).toBe(source === 'ollama' ? GEMMA_DIGEST : undefined);
    expect(server.questions).toEqual([
      {
        path: source === 'ollama' ? '/api/chat' : '/v1/chat/completions',
        authorization: source === 'ollama' ? undefined : `Bearer ${KEY}`,
        model: 'gemma3:27b',
        prompt: 'Describe it.',
        png: Buffer.from('a picture'),
        seed: 3,
        temperature: 0.7,
        maxTokens: 700,
        limit: source === 'ollama' ? 'num_predict' : 'max_tokens',
      },
    ]);
  });

  test('says why an answer ends', async () => {
    server.script.push({ text: 'A', finish: 'length' }, { text: 'A', finish: null });
    const { describer } = open();
    expect((await describer.describe(asked(source), never)).finish).toBe('length');
    expect((await describer.describe(asked(source), never)).finish).toBe('unknown');
  });

  test('is asked again after growing waits while it is in trouble', async () => {
    server.script.push({ status: 500 }, { wire: 'close' }, { wire: 'cut' }, { raw: '<html>' }, { raw: '{"x":1}' });
    const { describer, time } = open();
    const told: string[] = [];
    const { text } = await describer.describe(asked(source), never, line => void told.push(line));
    expect(text).toMatch(/^A /);
    expect(told).toEqual([
      expect.stringMatching(/ gives no answer \(HTTP 500.*\): asking again$/),
      expect.stringMatching(/ answers again$/),
    ]);
    expect(server.questions).toHaveLength(6);
    expect(time.sleeps).toEqual([1000, 2000, 4000, 8000, 16_000]);
  });

  test('that stays in trouble is given up, and the error repeats what it said', async () => {
    const raw = JSON.stringify({ error: 'model requires more system memory (20 GiB) than is available (9 GiB)' });
    server.script.push(...Array(6).fill({ status: 500, raw }));
    const error = await failureOf(open().describer.describe(asked(source), never));
    expect(error).toBeInstanceOf(Busy);
    expect(error.message).toMatch(/HTTP 500: model requires more system memory .* \(asked 6 times\)$/);
  });

  test('that asks to wait is asked after that time', async () => {
    server.script.push({ status: 429, headers: { 'retry-after': '30' } });
    const date = new Date(Date.UTC(2026, 0, 1) + 120_000).toUTCString();
    server.script.push({ status: 503, headers: { 'retry-after': date } });
    const { describer, time } = open();
    await describer.describe(asked(source), never);
    expect(time.sleeps).toEqual([31_000, 120_000 - 31_000 + 2000]);
  });

  test('that asks to wait for hours ends the call, which says when to come back', async () => {
    server.script.push({ status: 429, headers: { 'retry-after': '7200' } });
    const error = await failureOf(open().describer.describe(asked(source), never));
    expect(error).toBeInstanceOf(Busy);
    expect(error.retryAfterSeconds).toBe(7200);
  });

  test('that is silent is given up after three deadlines', async () => {
    // Of its own: a question may arrive when it has been given up.
    await using silent = await startModelServer();
    silent.forQuestion = () => ({ wire: 'silence' });
    const { describer } = open({ EASEL_OLLAMA: silent.url, EASEL_OPENAI: `${silent.url}/v1` }, 40);
    const error = await failureOf(describer.describe(asked(source), never));
    expect(error).toBeInstanceOf(Busy);
    expect(error.message).toContain('no answer within 0.04 s (asked 3 times)');
  });

  test('that refuses the question is not asked again', async () => {
    server.script.push({ status: 400, raw: JSON.stringify({ error: { message: 'no images for this model' } }) });
    const error = await failureOf(open().describer.describe(asked(source), never));
    expect(error).toBeInstanceOf(Unprocessable);
    expect(error.message).toContain('HTTP 400: no images for this model');
    expect(server.questions).toHaveLength(1);
  });

  test('whose answer is a redirect is not followed', async () => {
    server.script.push({ status: 307, headers: { location: `${server.url}/elsewhere` } });
    const error = await failureOf(open().describer.describe(asked(source), never));
    expect(error).toBeInstanceOf(Unprocessable);
    expect(server.questions).toHaveLength(1);
  });

  test('where nothing listens is an error at once that says what to start', async () => {
    const gone = await startModelServer();
    await gone[Symbol.asyncDispose]();
    const { describer, time } = open({ EASEL_OLLAMA: gone.url, EASEL_OPENAI: `${gone.url}/v1` });
    const error = await failureOf(describer.describe(asked(source), never));
    expect(error).toBeInstanceOf(Busy);
    expect(error.message).toContain(`${source} at ${gone.url}`);
    expect(error.hint).toContain(source === 'ollama' ? 'ollama serve' : 'EASEL_OPENAI');
    expect(time.sleeps).toEqual([]);
  });

  test('that went away after it had answered is waited for', async () => {
    const restarts = await startModelServer();
    const { describer, time } = open({ EASEL_OLLAMA: restarts.url, EASEL_OPENAI: `${restarts.url}/v1` });
    await describer.describe(asked(source), never);
    await restarts[Symbol.asyncDispose]();
    const error = await failureOf(describer.describe(asked(source), never));
    expect(error.message).toContain('refused (asked 6 times)');
    expect(time.sleeps).toHaveLength(5);
  });

  test('is left when the call is cancelled, also by questions that wait for their turn', async () => {
    await using silent = await startModelServer();
    silent.forQuestion = () => ({ wire: 'silence' });
    const { describer } = open({ EASEL_OLLAMA: silent.url, EASEL_OPENAI: `${silent.url}/v1` });
    const stop = new AbortController();
    const all = [1, 2, 3].map(() => failureOf(describer.describe(asked(source), stop.signal)));
    await expect.poll(() => silent.questions.length).toBe(2);
    const reason = new Error('stopped');
    stop.abort(reason);
    expect(await Promise.all(all)).toEqual([reason, reason, reason]);
    expect(silent.questions).toHaveLength(2);
  });

  test('is asked so many questions at once, and no more', async () => {
    await using own = await startModelServer();
    own.delayMs = 5;
    const { describer } = open({
      EASEL_OLLAMA: own.url,
      EASEL_OPENAI: `${own.url}/v1`,
      EASEL_CAPTION_CONCURRENCY: '3',
    });
    await Promise.all(Array.from({ length: 12 }, () => describer.describe(asked(source), never)));
    expect(own.busiest()).toBe(3);
  });
});

test('a model that wants another name for the limit of tokens gets it, from the second question on at once', async () => {
  const raw = JSON.stringify({ error: { message: "'max_tokens' is not supported; use 'max_completion_tokens'" } });
  server.forQuestion = ({ limit }) => (limit === 'max_tokens' ? { status: 400, raw } : {});
  const { describer } = open();
  for (let i = 0; i < 2; i++) await describer.describe(asked('openai', { model: 'new' }), never);
  expect(server.questions.map(({ limit, maxTokens }) => [limit, maxTokens])).toEqual([
    ['max_tokens', 700],
    ['max_completion_tokens', 700],
    ['max_completion_tokens', 700],
  ]);
});

test('a model that tells no probabilities is asked without them, beside another name for the limit', async () => {
  const refuse = (message: string) => ({ status: 400, raw: JSON.stringify({ error: { message } }) });
  server.forQuestion = ({ limit, likelihoods }) => {
    if (likelihoods) return refuse('You are not allowed to request logprobs from this model.');
    return limit === 'max_tokens' ? refuse("use 'max_completion_tokens'") : { text: 'Yes.' };
  };
  const { describer } = open();
  const question = asked('openai', { model: 'new', likelihoods: true });
  for (let i = 0; i < 2; i++) {
    expect(await describer.describe(question, never)).toEqual({
      ...{ text: 'Yes.', finish: 'stop', modelDigest: undefined },
    });
  }
  expect(server.questions.map(({ limit, likelihoods = false }) => [limit, likelihoods])).toEqual([
    ['max_tokens', true],
    ['max_tokens', false],
    ['max_completion_tokens', false],
    ['max_completion_tokens', false],
  ]);
});

test.each(['ollama', 'openai'] as const)('%s tells which first tokens were likely, if it is asked', async source => {
  server.forQuestion = () => ({ text: 'Yes', likely: { Yes: 0.75, ' no': 0.25 } });
  const { describer } = open();
  expect(await describer.describe(asked(source), never)).not.toHaveProperty('firstTokens');
  const { firstTokens } = await describer.describe(asked(source, { likelihoods: true }), never);
  expect(firstTokens).toEqual([
    { token: 'Yes', logprob: Math.log(0.75) },
    { token: ' no', logprob: Math.log(0.25) },
  ]);
});

test('no error shows the key, not even one that the server repeats', async () => {
  server.script.push({ status: 401, raw: JSON.stringify({ error: { message: `wrong key ${KEY}` } }) });
  const error = await failureOf(open().describer.describe(asked('openai'), never));
  expect(error).toMatchObject({ code: 'unprocessable', hint: expect.stringContaining('EASEL_OPENAI_KEY') });
  expect(error.message).toContain('wrong key ...');
  expect(JSON.stringify([error.message, error.hint, error.expected, error.details, error.stack])).not.toContain(KEY);
});

test('a source that the environment does not name is refused', async () => {
  const { describer } = { describer: createDescriber(parseCaptionServers({})) };
  const error = await failureOf(describer.describe(asked('openai'), never));
  expect(error).toMatchObject({ code: 'unprocessable', hint: expect.stringContaining('EASEL_OPENAI') });
});

describe('the model of Ollama', () => {
  const refusal = async (more: Partial<DescribeRequest>) =>
    failureOf(open().describer.describe(asked('ollama', more), never));

  test('that is not there is refused with the command that brings it', async () => {
    const error = await refusal({ model: 'llava:7b' });
    expect(error).toMatchObject({
      status: 422,
      expected: 'one of gemma3:27b',
      hint: expect.stringContaining('ollama pull llava:7b'),
    });
  });

  test('that sees nothing is refused before a question', async () => {
    server.models = [{ name: 'llama3:latest', digest: 'ab', capabilities: ['completion'] }];
    expect((await refusal({ model: 'llama3' })).message).toBe(
      'the model llama3 sees no pictures; it can do: completion',
    );
    expect(server.questions).toEqual([]);
  });

  test('with another digest than the call names is refused', async () => {
    expect((await refusal({ modelDigest: GEMMA_DIGEST.slice(0, 12) })).message).toBe('it succeeded');
    expect((await refusal({ modelDigest: 'b'.repeat(12) })).message).toContain(`has the digest ${GEMMA_DIGEST}`);
  });
});

describe('the environment', () => {
  test.each([
    [{}, 'http://127.0.0.1:11434'],
    [{ OLLAMA_HOST: '192.168.1.5' }, 'http://192.168.1.5:11434'],
    [{ OLLAMA_HOST: 'box:8080' }, 'http://box:8080'],
    [{ OLLAMA_HOST: ':8080' }, 'http://127.0.0.1:8080'],
    [{ OLLAMA_HOST: '0.0.0.0:1234' }, 'http://127.0.0.1:1234'],
    [{ OLLAMA_HOST: 'https://ollama.example/' }, 'https://ollama.example'],
    [{ OLLAMA_HOST: 'box', EASEL_OLLAMA: 'http://other:1/sub/' }, 'http://other:1/sub'],
  ])('%j names Ollama at %s', (env, url) => {
    expect(parseCaptionServers(env).servers.ollama).toMatchObject({ url, model: 'gemma3:27b' });
  });

  test.each([
    { EASEL_OLLAMA: 'box:11434' },
    { EASEL_OPENAI: 'http://user:secret@box/v1' },
    { EASEL_OPENAI: 'file:///etc/passwd' },
    { EASEL_OPENAI: 'https://box/v1', EASEL_OPENAI_KEY: 'two words' },
    { EASEL_CAPTION_CONCURRENCY: '0' },
    { EASEL_CAPTION_SECONDS: 'soon' },
  ])('%j is refused by the name of the variable, without its value', env => {
    const [name = '', value = ''] = Object.entries(env).at(-1) ?? [];
    expect(() => parseCaptionServers(env)).toThrow(name);
    if (value.includes('secret')) expect(() => parseCaptionServers(env)).not.toThrow('secret');
  });
});
