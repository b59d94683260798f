/** @file Times Hugging Face transformers on the same DINO in the same run (bench/peers/dino_torch.py). */
import { z } from 'zod';
import { DINO_STRIDE, type DinoNet } from '../configs/dino.ts';
import type { PictureSize } from '../gpu-runner/model/batch.ts';
import { type PeerRow, runPython } from './torch-peer.ts';

const rowSchema = z.strictObject({ mode: z.string(), version: z.string(), params: z.int(), ms: z.number() });

/**
 * Milliseconds of one pass over a batch of pictures with random weights, with as many patches as ours at the usual
 * stride. Without PyTorch it prints the reason to stderr and returns nothing.
 */
export async function timeDino(
  { hidden, blocks, heads, patch, epsilon, rotaryBase }: DinoNet,
  { batch, height, width }: PictureSize & { readonly batch: number },
  threads: number,
  runs: number,
): Promise<PeerRow[]> {
  const config = {
    ...{ hidden, blocks, heads, patch, epsilon, batch },
    rotary: rotaryBase !== undefined,
    height: (height / DINO_STRIDE) * patch,
    width: (width / DINO_STRIDE) * patch,
  };
  const args = ['--config', JSON.stringify(config), '--threads', String(threads), '--runs', String(runs)];
  const { lines, errors, status } = await runPython('dino_torch.py', args);
  if (status !== 0) console.error(`peer torch skipped: it ended with ${status}: ${errors.split('\n').at(-1)}`);
  return lines.map(line => rowSchema.parse(JSON.parse(line)));
}
