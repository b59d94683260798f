/** @file Draws a labelled grid of pictures as one PNG. */
import { z } from 'zod';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { publishPng } from './execution/publish-png.ts';
import { composePng, IMAGE_TOOLS } from './pictures/image.ts';
import { layOutSheet } from './pictures/sheet-layout.ts';

/** Pixels of all places of a sheet. */
const MOST_PIXELS = 100_000_000;

const cellSchema = z.strictObject({
  image: digestSchema.optional().describe('a picture; absent: an empty place'),
  label: z.string().max(1000).default('').describe('text below the picture'),
});

export const contactSheet = defineFunction({
  name: 'contact-sheet',
  summary: 'Draws a grid of pictures as PNG, with a text below each.',
  version: 3,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  example: {
    title: 'Portraits',
    columns: 2,
    cells: [
      {
        image: 'sha256:0000000000000000000000000000000000000000000000000000000000000000',
        label: 'a person with red hair in a navy hoodie',
      },
    ],
  },
  input: z
    .strictObject({
      title: z.string().max(300).default(''),
      columns: z.int().min(1).max(64).default(6),
      cell: z.int().min(16).max(1024).default(128).describe('side of a picture in the grid, in pixels'),
      rows: z.array(z.string().max(200)).max(256).default([]).describe('text left of each row; may have several lines'),
      cells: z.array(cellSchema).min(1).max(1024).describe('the pictures, row by row'),
    })
    .refine(({ columns, cell, cells }) => columns * Math.ceil(cells.length / columns) * cell ** 2 <= MOST_PIXELS, {
      error: `expected a sheet of at most ${MOST_PIXELS} pixels: fewer cells, or smaller ones`,
      path: ['cell'],
    }),
  async run(ctx, { title, columns, cell, rows, cells }) {
    const { svg, places } = layOutSheet({ title, columns, cell, rowLabels: rows, cells });
    const pictures = await Promise.all(
      cells.map(async ({ image }, i) => {
        const place = places[i];
        if (image === undefined || place === undefined) return [];
        return [{ ...place, png: await ctx.blobs.get(image), width: cell, height: cell }];
      }),
    );
    const sheet = await publishPng(ctx, await composePng(svg, pictures.flat()));
    return { outputs: { image: sheet }, stats: { cells: cells.length } };
  },
});
