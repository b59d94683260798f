/** @file How well drawn pictures fit their captions, by CLIP: CLIPScore, and the rank of the caption among others. */
import { z } from 'zod';
import { CLIP_NETS, CLIP_TOKENS } from '../configs/clip.ts';
import { Internal } from '../errors.ts';
import { readTokenizer } from '../formats/tokenizer.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { clipEncoders, clipTextEncoder } from './encoders/clip.ts';
import { encodeOnRunner } from './encoders/encode-on-runner.ts';
import { requireWeights } from './encoders/weights.ts';
import { fitOf, meanDirection, splitText } from './evaluation/clip-texts.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { requireEngine } from './execution/runner-job.ts';
import { readDrawnIndex } from './experiments/drawn-index.ts';
import { readCaptions } from './experiments/read-captions.ts';

/** Other captions that a picture is compared with. */
const DISTRACTORS = 99;
const NAMES = CLIP_NETS.map(({ name }) => name);

export const clipScore = defineFunction({
  name: 'clip-score',
  summary:
    'Scores how well drawn pictures fit their captions, by CLIP: CLIPScore, and the rank of the caption among 99 others ' +
    'of the dataset. Long captions are read in parts. Output scores (JSON).',
  version: 1,
  kind: 'pure',
  usesEngine: true,
  tools: { ...clipTextEncoder(CLIP_NETS[0]!).tools },
  digests: { drawn: 'blob' },
  example: { drawn: `sha256:${'0'.repeat(64)}`, weights: { model: [], tokenizer: [] } },
  input: z.strictObject({
    drawn: digestSchema.describe('output index of draw'),
    model: z
      .enum(NAMES)
      .default('clip-vitb32')
      .describe(`one of ${NAMES.join(', ')}`),
    weights: z
      .record(z.string(), z.array(digestSchema))
      .describe('of the model, by part: model and tokenizer, as GET /models/NAME has them'),
  }),
  async run(ctx, { drawn, model, weights, engine: given }) {
    const engine = requireEngine(given);
    const net = CLIP_NETS.find(({ name }) => name === model);
    const imageEncoder = clipEncoders.find(({ name }) => name === model);
    if (net === undefined || imageEncoder === undefined) throw new Internal(`there is no CLIP ${model}`);
    const textEncoder = clipTextEncoder(net);
    const { tokenizer = [], model: files = [] } = requireWeights(textEncoder, weights, {});
    const [file] = tokenizer;
    if (file === undefined) throw new Internal('a tokenizer is a part of the weights');
    const { count, specials } = readTokenizer(await ctx.blobs.get(file));

    const { items, dataset, pictures: column } = await readDrawnIndex(ctx.blobs, drawn);
    const captioned = await readCaptions(ctx.blobs, await readDataset(ctx.blobs, dataset));
    const all = [...new Set(captioned.flatMap(({ captions }) => captions.slice(0, 1)))];
    // One more than needed: a picture's own caption may be among them.
    const others = all.slice(0, DISTRACTORS + items.length);
    const texts = [...new Set([...items.map(({ caption }) => caption), ...others])];
    const parts = texts.map(text => splitText(text, CLIP_TOKENS - specials, count));
    const shared = { options: {}, engine };
    const rows = await encodeOnRunner(ctx, textEncoder, {
      ...{ ...shared, weights: { model: files, tokenizer }, signals: ['text'], inputs: parts.flat() },
    });
    let at = 0;
    const directions = new Map(
      texts.map((text, i) => {
        const own = rows.slice(at, at + (parts[i]?.length ?? 0));
        at += own.length;
        return [text, meanDirection(own.map(({ text: row }) => row?.data ?? []))] as const;
      }),
    );
    const drawnPictures = readPictures(await ctx.blobs.get(column));
    const seen = await encodeOnRunner(ctx, imageEncoder, {
      ...{ ...shared, weights: { model: files }, signals: ['cls'], inputs: drawnPictures.map(each => each.picture) },
    });
    const scored = drawnPictures.flatMap(({ id }, i) => {
      const item = items.find(each => each.id === id);
      const caption = item && directions.get(item.caption);
      if (item === undefined || caption === undefined || item.caption === '') return [];
      const rivals = others.filter(text => text !== item.caption).slice(0, DISTRACTORS);
      const found = rivals.flatMap(text => directions.get(text) ?? []);
      const fit = fitOf(meanDirection([seen[i]?.cls?.data ?? []]), caption, found);
      return [{ id, ...fit, of: rivals.length + 1, parts: parts[texts.indexOf(item.caption)]?.length ?? 1 }];
    });
    const mean = (pick: (row: (typeof scored)[number]) => number) =>
      scored.length === 0 ? null : scored.reduce((sum, row) => sum + pick(row), 0) / scored.length;
    const document = {
      ...{ v: 1, kind: 'clip-score', model, drawn, items: scored },
      ...{
        score: mean(({ score }) => score),
        rank: mean(({ rank }) => rank),
        first: mean(row => Number(row.rank === 1)),
      },
      links: [drawn],
    };
    return { outputs: { scores: await putDocument(ctx.blobs, document) }, stats: { pictures: scored.length } };
  },
});
