/**
 * @file Events of every kind, of which make-tfevents-goldens.py asks TensorBoard what it reads.
 * `node formats/testing/sample-events.ts FILE` writes them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { encodeTfEvents, type SummaryEvent } from '../tfevents.ts';

/** Two PNGs of 3 x 2 pixels. */
export const SAMPLE_PNGS: readonly Uint8Array[] = ['dots.png', 'text.png'].map(name =>
  readFileSync(new URL(`../testdata/${name}`, import.meta.url)),
);

export const SAMPLE_EVENTS: readonly SummaryEvent[] = [
  { step: 99, wallTime: 396, scalars: { 'train/loss': 0.5 } },
  {
    step: 100,
    wallTime: 400,
    scalars: { 'train/loss': 0.25, 'validation/reconstruction_lpips': 0.125 },
    pictures: {
      'visual_debug/collage': { width: 3, height: 2, pngs: SAMPLE_PNGS },
      'validation/dino_swap_pair0': { width: 3, height: 2, pngs: SAMPLE_PNGS.slice(0, 1) },
    },
    texts: { 'visual_debug/captions': '1. a **fox** in the snow\n2. “two” dogs, 数学' },
  },
];

const [, script, target] = process.argv;
if (script === import.meta.filename && target !== undefined) writeFileSync(target, encodeTfEvents(SAMPLE_EVENTS));
