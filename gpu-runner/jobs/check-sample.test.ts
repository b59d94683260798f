import { describe, expect, test } from 'vitest';
import { mostSamplingBytes } from '../../configs/model-size.ts';
import { parseConfig } from '../../configs/parse.ts';
import { checkSample, MARGIN } from './check-sample.ts';

const MB = 2 ** 20;
const { model } = parseConfig({
  model: {
    ...{ hidden_size: 64, depth: 2, num_heads: 4, patch_size: 8 },
    conditions: { text: { encoder: 'words', dim: 192, tokens: 64 } },
  },
});
const engine = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;
const size = { width: 512, height: 512, textTokens: 8, pictures: 1 };

const check = (free: number, changes: Partial<typeof size> = {}) =>
  checkSample(model, { ...size, ...changes }, engine, 0, { limit: 4096 * MB, free, kills: 0 });

const refusal = (free: number, changes: Partial<typeof size> = {}) => check(free, changes).catch(error => error);

describe('a sample on a CPU', () => {
  test('is refused with both numbers and with a size that fits', async () => {
    const error = await refusal(100 * MB);
    expect(error).toMatchObject({ status: 422 });
    expect(error.message).toMatch(
      /^a picture takes about \d+ MiB of memory at 512 x 512 pixels, and 100 MiB of 4.0 GiB are free$/,
    );
    const [, width = 0, height = 0] = (/one picture of (\d+) x (\d+) fits/.exec(error.hint) ?? []).map(Number);
    expect([width % 8, width]).toEqual([0, height]);
    await check(100 * MB, { width, height });
  });

  test('is offered with fewer prompts before smaller pictures', async () => {
    const error = await refusal(1000 * MB, { pictures: 64 });
    const [, prompts = 0] = (/^(\d+) prompts at a time fit$/.exec(error.hint) ?? []).map(Number);
    expect(prompts).toBeGreaterThan(1);
    await check(1000 * MB, { pictures: prompts });
  });

  test('is not refused if the prediction is above the free memory by less than the margin', async () => {
    const error = await refusal(100 * MB);
    const needed = Number(/about (\d+) MiB/.exec(error.message)?.[1]) * MB;
    await check((needed / MARGIN) * 1.05);
    await expect(check((needed / MARGIN) * 0.9)).rejects.toThrow('of memory');
  });

  test('is not predicted when the bound fits, nor on a card', async () => {
    await check(mostSamplingBytes(model, size, 1));
    const card = { name: 'xla/cuda', precision: 'bf16', threads: 1 } as const;
    await checkSample(model, { ...size, width: 4096 }, card, 0, { limit: MB, free: MB, kills: 0 });
    await checkSample(model, { ...size, width: 4096 }, engine, 0, { limit: MB, kills: 0 });
  });
});
