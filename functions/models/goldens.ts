/** @file Outputs of pretrained networks by PyTorch, as far as somebody has made them: goldens/NAME.json. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const fingerprintSchema = z.strictObject({
  shape: z.array(z.int().positive()).readonly(),
  rms: z.number(),
  sums: z.array(z.number()).length(32).readonly(),
});

const goldenSchema = z.strictObject({
  v: z.literal(1),
  model: z.string(),
  /** The libraries that computed it, in f32. */
  made_with: z.string(),
  /** Of the encoder. */
  options: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Largest distance in f32, which the column's f16 takes part of; see distanceOf. */
  tolerance: z.number().positive(),
  inputs: z.array(
    z.union([
      z.strictObject({ text: z.string() }),
      z.strictObject({
        picture: z.strictObject({ seed: z.int(), width: z.int().positive(), height: z.int().positive() }),
      }),
    ]),
  ),
  /** One row for each input; a signal that a row does not name is not compared. */
  outputs: z.array(z.record(z.string(), fingerprintSchema)),
});
export type Golden = z.infer<typeof goldenSchema>;

/** Undefined if nobody has made the golden of this network. */
export async function readGolden(model: string): Promise<Golden | undefined> {
  const file = new URL(`goldens/${encodeURIComponent(model)}.json`, import.meta.url);
  const text = await readFile(file, 'utf8').catch(error => {
    if (error.code !== 'ENOENT') throw error;
  });
  return text === undefined ? undefined : goldenSchema.parse(JSON.parse(text));
}
