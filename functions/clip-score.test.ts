import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { memberName } from '../configs/signals.ts';
import { encodeNpy } from '../formats/npy.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { encodeSignalMember } from '../storage/blobs/column-member.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { type Digest, digestOf } from '../storage/digest.ts';
import type { BlobStore } from '../storage/types.ts';
import { createEncodeRunner } from './testing/encode-runner.ts';
import { createPictureLab, outputOf } from './testing/pictures.ts';
import { putToyDataset } from './testing/training.ts';

/** Besides the captions of the drawn pictures. */
const OTHERS = Array.from({ length: 120 }, (_, i) => (i < 3 ? `a red hat ${i}` : `a blue hat ${i}`));
const ENGINE = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;

test('pictures are scored by the cosine to their captions, and long captions in parts', async () => {
  const read: string[] = [];
  const lab = createPictureLab({
    runner: createEncodeRunner(async job => {
      const signal = job.reads === 'image' ? 'cls' : 'text';
      const members = [...readColumn(await lab.blobs.get(job.column))].map(([name, body], i) => {
        const text = Buffer.from(body).toString();
        if (signal === 'text') read.push(text);
        const data = signal === 'cls' ? [1, 0] : text.includes('red') ? [2, 0] : [0, 5];
        const shape = signal === 'cls' ? [2] : [1, 2];
        return encodeSignalMember(signal, name.split('.')[0] ?? String(i), { shape, data: Float32Array.from(data) });
      });
      const column = await lab.blobs.put(packColumn(new Map(members)), 'application/x-tar');
      return { outputs: { [signal]: column }, links: [], stats: {} };
    }, ENGINE),
  });
  const { blobs, executor } = lab;
  const ids = ['0000000000000000', '0000000000000001'];
  const long = `${'a red fox in the snow '.repeat(12)}. ${'a blue sky over it '.repeat(12)}`;
  const data = new Uint8Array(3 * 64);
  const pixels = encodeNpy({ dtype: 'u8', shape: [3, 8, 8], data });
  const column = packColumn(new Map(ids.map(id => [memberName('image', id), pixels])));
  const pictures = (await blobs.put(column, 'application/x-tar')).digest;
  const items = ids.map((id, noise) => ({
    ...{ id, name: id, caption: noise === 0 ? 'a red fox' : long, width: 8, height: 8, noise },
  }));
  const drawn = await putDocument(blobs, {
    ...{ v: 1, kind: 'drawn', checkpoint: digestOf('c'), dataset: await putCaptioned(blobs), split: 'val' },
    ...{ condition: 'text', steps: 2, seed: 1, guidance: 1, solver: 'euler', weights: 'ema', pictures, items },
    ...{ skipped: [], links: [pictures] },
  });
  const file = gunzipSync(readFileSync(new URL('../formats/testdata/bpe.tokenizer.json.gz', import.meta.url)));
  const tokenizer = (await blobs.put(file, 'application/json')).digest;
  const weights = { model: [digestOf('weights')], tokenizer: [tokenizer] };
  const made = await executor.call('clip-score', { drawn: drawn.digest, weights, engine: ENGINE });
  const scores = JSON.parse(Buffer.from(await blobs.get(outputOf(made, 'scores'))).toString());
  expect(read.length).toBeGreaterThan(2);
  const [first, second] = scores.items;
  expect(first).toMatchObject({ id: ids[0], score: 2.5, rank: 4, of: 100, parts: 1 });
  expect(second.parts).toBeGreaterThan(1);
  expect(second.score).toBeGreaterThan(0.5);
  expect(second.score).toBeLessThan(2.5);
  // The long caption is half red: the pictures, all red, are nearer to the 3 red hats.
  expect(second).toMatchObject({ rank: 4, of: 100 });
  expect(scores).toMatchObject({ rank: 4, first: 0, score: (2.5 + second.score) / 2 });
  for (const body of [{}, { pictures }, { drawn: drawn.digest, pictures, dataset: drawn.digest }]) {
    const call = executor.call('clip-score', { ...body, weights, engine: ENGINE });
    await expect(call).rejects.toThrow('which pictures to score');
  }
});

/** A dataset whose pictures have captions alone. */
async function putCaptioned(blobs: BlobStore): Promise<Digest> {
  const lines = OTHERS.map((caption, i) => {
    const id = (i + 16).toString(16).padStart(16, '0');
    return `${JSON.stringify({ id, name: id, original: digestOf(id), split: 'train', attributes: { caption } })}\n`;
  });
  const toy = await readDataset(blobs, await putToyDataset(blobs));
  const items = (await blobs.put(Buffer.from(lines.join('')), 'application/jsonl')).digest;
  const document = { ...toy, pages: [{ items, columns: {} }], encoders: {}, links: [items] };
  return (await putDocument(blobs, document)).digest;
}
