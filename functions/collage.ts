/** @file Columns of pictures side by side: one row for each id. */
import { z } from 'zod';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { publishPng } from './execution/publish-png.ts';
import { composePng, encodePng, IMAGE_TOOLS, type PlacedImage, scaleToFit } from './pictures/image.ts';
import { toInterleaved } from './pictures/planar.ts';
import { layOutSheet } from './pictures/sheet-layout.ts';

/** Pixels of all places of a collage. */
const MOST_PIXELS = 100_000_000;

export const collage = defineFunction({
  name: 'collage',
  summary: 'Draws columns of pictures side by side as PNG, a row for each id. Pictures keep their aspect.',
  version: 1,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  example: {
    title: 'Caption alone',
    columns: [{ label: 'drawn', pictures: `sha256:${'0'.repeat(64)}` }],
    rows: [{ id: '0123456789abcdef', label: 'a person with red hair' }],
  },
  input: z
    .strictObject({
      title: z.string().max(300).default(''),
      columns: z
        .array(z.strictObject({ label: z.string().max(200), pictures: digestSchema.describe('column of pictures') }))
        .min(1)
        .max(16),
      rows: z
        .array(z.strictObject({ id: z.string().max(100), label: z.string().max(2000).default('') }))
        .min(1)
        .max(64)
        .describe('a column without the picture has an empty place'),
      cell: z.int().min(16).max(1024).default(160).describe('side of a place, in pixels'),
    })
    .refine(({ columns, rows, cell }) => columns.length * rows.length * cell ** 2 <= MOST_PIXELS, {
      error: `expected a collage of at most ${MOST_PIXELS} pixels: fewer rows, or smaller places`,
      path: ['cell'],
    }),
  async run(ctx, { title, columns, rows, cell }) {
    const found = await Promise.all(
      columns.map(async ({ pictures }) => {
        const all = readPictures(await ctx.blobs.get(pictures));
        return new Map(all.map(({ id, picture }) => [id, picture]));
      }),
    );
    const cells = rows.flatMap(row =>
      columns.map(({ label }, i) => ({ label: i === 0 && row.label !== '' ? `${label}: ${row.label}` : label })),
    );
    const layout = layOutSheet({ title, columns: columns.length, cell, rowLabels: [], cells });
    const placed = await Promise.all(
      rows.flatMap(({ id }, y) =>
        found.map(async (pictures, x): Promise<PlacedImage[]> => {
          const picture = pictures.get(id);
          const place = layout.places[y * columns.length + x];
          if (picture === undefined || place === undefined) return [];
          const scaled = await scaleToFit(toInterleaved(picture), cell);
          const { width, height } = scaled;
          const left = place.left + Math.floor((cell - width) / 2);
          const top = place.top + Math.floor((cell - height) / 2);
          return [{ png: await encodePng(scaled), left, top, width, height }];
        }),
      ),
    );
    const image = await publishPng(ctx, await composePng(layout.svg, placed.flat()));
    return { outputs: { image }, stats: { pictures: placed.flat().length } };
  },
});
