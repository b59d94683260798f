/** @file How well drawn pictures fit their captions, by CLIP: CLIPScore, and the rank of the caption among others. */
import { z } from 'zod';
import { CLIP_NETS, CLIP_TOKENS } from '../configs/clip.ts';
import type { ClipScores } from '../configs/clip-scores.ts';
import { Internal } from '../errors.ts';
import { readTokenizer } from '../formats/tokenizer.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { clipEncoders, clipTextEncoder } from './encoders/clip.ts';
import { encodeOnRunner } from './encoders/encode-on-runner.ts';
import { requireWeights } from './encoders/weights.ts';
import { captionedShape, readCaptioned } from './evaluation/captioned-pictures.ts';
import { fitOf, meanDirection, splitText } from './evaluation/clip-texts.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { requireEngine } from './execution/runner-job.ts';

/** Other captions that a picture is compared with. */
const DISTRACTORS = 99;
const NAMES = CLIP_NETS.map(({ name }) => name);

export const clipScore = defineFunction({
  name: 'clip-score',
  summary:
    'Scores how well pictures fit their captions, by CLIP: CLIPScore, and the rank of the caption among 99 others of ' +
    'the dataset. Long captions are read in parts. Output scores (JSON).',
  version: 1,
  kind: 'pure',
  usesEngine: true,
  tools: { ...clipTextEncoder(CLIP_NETS[0]!).tools },
  digests: { drawn: 'blob', dataset: 'dataset', pictures: 'blob' },
  example: { drawn: `sha256:${'0'.repeat(64)}`, weights: { model: [], tokenizer: [] } },
  input: z.strictObject({
    ...captionedShape,
    model: z
      .enum(NAMES)
      .default('clip-vitb32')
      .describe(`one of ${NAMES.join(', ')}`),
    weights: z
      .record(z.string(), z.array(digestSchema))
      .describe('of the model, by part: model and tokenizer, as GET /models/NAME has them'),
  }),
  async run(ctx, { drawn, pictures: given, dataset, model, weights, engine: named }) {
    const engine = requireEngine(named);
    const net = CLIP_NETS.find(({ name }) => name === model);
    const imageEncoder = clipEncoders.find(({ name }) => name === model);
    if (net === undefined || imageEncoder === undefined) throw new Internal(`there is no CLIP ${model}`);
    const textEncoder = clipTextEncoder(net);
    const { tokenizer = [], model: files = [] } = requireWeights(textEncoder, weights, {});
    const [file] = tokenizer;
    if (file === undefined) throw new Internal('a tokenizer is a part of the weights');
    const { count, specials } = readTokenizer(await ctx.blobs.get(file));

    const { column, captions, all } = await readCaptioned(ctx.blobs, { drawn, pictures: given, dataset });
    const pictures = readPictures(await ctx.blobs.get(column)).filter(({ id }) => captions.has(id));
    // One more for each picture: its own caption may be among them.
    const others = all.slice(0, DISTRACTORS + pictures.length);
    const texts = [...new Set([...captions.values(), ...others])];
    const partsOf = new Map(texts.map(text => [text, splitText(text, CLIP_TOKENS - specials, count)] as const));
    const shared = { options: {}, engine };
    const rows =
      pictures.length === 0
        ? []
        : await encodeOnRunner(ctx, textEncoder, {
            ...{ ...shared, weights: { model: files, tokenizer }, signals: ['text'] },
            inputs: [...partsOf.values()].flat(),
          });
    let at = 0;
    const directions = new Map(
      [...partsOf].map(([text, parts]) => {
        const own = rows.slice(at, at + parts.length);
        at += parts.length;
        return [text, meanDirection(own.map(({ text: row }) => row?.data ?? []))] as const;
      }),
    );
    const seen =
      pictures.length === 0
        ? []
        : await encodeOnRunner(ctx, imageEncoder, {
            ...{ ...shared, weights: { model: files }, signals: ['cls'], inputs: pictures.map(each => each.picture) },
          });
    const items = pictures.flatMap(({ id }, i) => {
      const text = captions.get(id) ?? '';
      const caption = directions.get(text);
      if (caption === undefined) return [];
      const rivals = others.filter(other => other !== text).slice(0, DISTRACTORS);
      const found = rivals.flatMap(other => directions.get(other) ?? []);
      const fit = fitOf(meanDirection([seen[i]?.cls?.data ?? []]), caption, found);
      return [{ id, ...fit, of: rivals.length + 1, parts: partsOf.get(text)?.length ?? 1 }];
    });
    const mean = (pick: (row: (typeof items)[number]) => number) =>
      items.length === 0 ? null : items.reduce((sum, row) => sum + pick(row), 0) / items.length;
    const document: ClipScores = {
      ...{ v: 1, kind: 'clip-score', model, pictures: column, ...(drawn && { drawn }), items },
      score: mean(({ score }) => score),
      rank: mean(({ rank }) => rank),
      first: mean(({ rank }) => Number(rank === 1)),
      links: [drawn ?? column],
    };
    return { outputs: { scores: await putDocument(ctx.blobs, document) }, stats: { pictures: items.length } };
  },
});
