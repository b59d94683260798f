/** @file Encoders of captions that run in the gpu-runner: what the server does with their captions and prompts. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Conditions } from '../../configs/signals.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import type { EncodeJob, RunnerClient } from '../../gpu-runner/protocol.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { EngineSpec } from '../../storage/records.ts';
import { NO_DESCRIBER } from '../execution/contexts.ts';
import { addUpNotes } from '../notes/notes.ts';
import { inlinePool } from '../testing/inline-pool.ts';
import { createPictureLab } from '../testing/pictures.ts';
import { encodeSample } from './encode-sample.ts';
import { notePrompts } from './note-texts.ts';

const TOKENIZER = new URL('../../formats/testdata/wordpiece.tokenizer.json.gz', import.meta.url);
const engine: EngineSpec = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 };

let lab: ReturnType<typeof createPictureLab>;
let store: ReturnType<typeof createMemoryStore>;
let blobs: ReturnType<typeof createBlobStore>;
let jobs: EncodeJob[];
let weights: Record<string, Digest[]>;
let dataset: Digest;

/** One vector of zeros for every text. */
const runner: RunnerClient = {
  async run(_, job) {
    if (job.kind !== 'encode') throw new Error('only encode jobs are expected');
    jobs.push(job);
    const ids = [...readColumn(await blobs.get(job.column)).keys()].map(name => name.split('.')[0] ?? '');
    const dim = job.encoder === 'minilm-l6' ? 384 : 1024;
    const members = ids.map(id => encodeSignalMember('text', id, { shape: [1, dim], data: new Float32Array(dim) }));
    return {
      outputs: { text: await blobs.put(packColumn(new Map(members)), 'application/x-tar') },
      links: [],
      stats: {},
    };
  },
  status: () => Promise.reject(new Error('not asked')),
};

beforeAll(async () => {
  store = createMemoryStore();
  blobs = createBlobStore(store);
  lab = createPictureLab({ store, runner });
  weights = {
    model: [(await blobs.put(Buffer.from('weights'))).digest],
    tokenizer: [(await blobs.put(gunzipSync(readFileSync(TOKENIZER)))).digest],
  };
  const drawn = await lab.executor.callEffect('prepare', { dataset: 'p', source: 'portraits', count: 3, size: 32 });
  dataset = (drawn as { readonly digest: Digest }).digest;
});

beforeEach(() => {
  jobs = [];
});

const encode = (body: object) => lab.executor.call('encode-text', { dataset, engine, weights, ...body });

describe('a text encoder of the gpu-runner', () => {
  test('its weights, options, version and tokenizer library enter the action; what it cuts is noted', async () => {
    const { result } = await encode({ encoder: 'minilm-l6', tokens: 12 });
    expect(result.action).toMatchObject({
      params: { encoder: 'minilm-l6', tokens: 12 },
      tools: { 'minilm-l6': '1', '@huggingface/tokenizers': '0.2.0' },
      engine,
    });
    expect(jobs[0]).toMatchObject({ encoder: 'minilm-l6', reads: 'caption', options: { tokens: 12 }, weights });
    const made = await readDataset(blobs, result.outputs.dataset!.digest);
    expect(made.encoders.text).toEqual({ name: 'minilm-l6', dim: 384, tokens: 12, weights });
    const [note] = made.notes ?? [];
    expect(note).toMatchObject({
      code: 'caption_cut',
      count: 3,
      text: '3 captions are longer than the 12 tokens that the encoder minilm-l6 reads; the rest is left out',
    });
    expect(note?.examples[0]?.text).toMatch(/^\d+ tokens, 12 used$/);
    const whole = await encode({ encoder: 'minilm-l6' });
    expect((await readDataset(blobs, whole.result.outputs.dataset!.digest)).notes ?? []).toEqual([]);
  });

  test('T5 is refused in f16 with the reason, and in a size that its name does not have', async () => {
    const half = { ...engine, precision: 'f16' };
    await expect(encode({ encoder: 't5-large', engine: half })).rejects.toMatchObject({
      status: 422,
      message: 'the encoder t5-large does not compute in f16: numbers inside of a T5 are larger than f16 has',
    });
    expect(jobs).toEqual([]);
    await expect(encode({ encoder: 't5-large', dim: 1024 })).rejects.toThrow(
      'the encoder t5-large has no option "dim"',
    );
    await expect(encode({ encoder: 't5' })).rejects.toThrow('dim');
    const { result } = await encode({ encoder: 't5', dim: 1024, weights: { ...weights, config: weights.model } });
    expect((await readDataset(blobs, result.outputs.dataset!.digest)).encoders.text).toMatchObject({
      name: 't5',
      dim: 1024,
      tokens: 512,
      weights: { config: weights.model },
    });
    await expect(encode({ encoder: 't5-large', weights: { ...weights, other: weights.model } })).rejects.toThrow(
      'has no weights "other"',
    );
  });

  test('a prompt of a model that trains in f16 is encoded in f32, if its encoder does not compute in f16', async () => {
    const ctx = {
      blobs,
      signal: new AbortController().signal,
      runner,
      progress: () => {},
      describer: NO_DESCRIBER,
      task: <T>(name: string, input: unknown) => inlinePool.run<T>(name, input),
    };
    const conditions = (encoder: string, dim: number): Conditions => ({ text: { encoder, dim, tokens: 77, weights } });
    const given = { prompts: ['red'], size: { width: 8, height: 8 }, engine: { ...engine, precision: 'f16' as const } };
    const rows = await encodeSample(ctx, conditions('t5-large', 1024), given);
    expect(rows.signals.text?.[0]?.shape).toEqual([1, 1024]);
    await encodeSample(ctx, conditions('minilm-l6', 384), given);
    expect(jobs.map(({ engine: used, options }) => [used.precision, options])).toEqual([
      ['f32', { tokens: 77 }],
      ['f16', { tokens: 77 }],
    ]);
  });

  test('a prompt that it cuts, or of which it reads nothing, is noted by its tokenizer', async () => {
    const conditions: Conditions = { text: { encoder: 'minilm-l6', dim: 384, tokens: 8, weights } };
    const prompts = ['a person', 'a person with red hair in a navy hoodie on a teal background', '\u0001\u0002'];
    const noted = addUpNotes(await notePrompts(blobs, conditions, { prompts }));
    expect(noted.map(({ code, examples }) => [code, examples[0]?.name])).toEqual([
      ['prompt_cut', 'prompt 2'],
      ['prompt_unread', 'prompt 3'],
    ]);
    // A tokenizer that is gone, of a model that nobody has trained since.
    const gone = { tokenizer: [`sha256:${'7'.repeat(64)}`] };
    expect(await notePrompts(blobs, { text: { ...conditions.text!, weights: gone } }, { prompts })).toEqual([]);
  });

  test('prepare takes options of the text encoder, and refuses wrong ones before it imports', async () => {
    const call = (more: object) =>
      lab.executor.callEffect('prepare', { dataset: 'q', source: 'portraits', count: 3, size: 32, ...more });
    await expect(call({ text_encoder: 't5', text_options: {} })).rejects.toThrow('the encoder t5: dim');
    await expect(call({ text_encoder: 'minilm-l6', text_options: { tokens: 600 } })).rejects.toThrow(
      'minilm-l6: tokens',
    );
    await expect(call({ text_options: { tokens: 5 } })).rejects.toThrow('the encoder words');
    expect(jobs).toEqual([]);
  });
});
