import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../errors.ts';
import { isRecord } from '../merge-deep.ts';
import { parseYaml } from '../parse.ts';
import { resolveConfig } from '../presets.ts';
import { readWrittenConfig } from '../written-config.ts';
import { SEED_RULES } from './seed-rules.ts';

const BLOCK = readFileSync(new URL('block.yaml', import.meta.url), 'utf8');
/** As a copied page has it: without indentation, the next paragraph glued to the last line. */
const FLAT = `${BLOCK.replace(/^ +/gm, '').trimEnd()}- Gradient Accumulation: Effective batch size of 256 with batch_size=1`;

const translationOf = (written: string | Record<string, unknown>) => {
  const { translation } = readWrittenConfig(written);
  if (translation === undefined) throw new Error('the config was not translated');
  return translation;
};

const messageOf = (written: string | Record<string, unknown>) => {
  try {
    readWrittenConfig(written);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInput);
    return (error as InvalidInput).message;
  }
  throw new Error('nothing was thrown');
};

function objectOf(text: string): Record<string, unknown> {
  const value = parseYaml(text, 'block');
  if (isRecord(value)) return value;
  throw new Error('the block is no object');
}

describe('the config block of the original project', () => {
  test('every key of the block is mapped or ignored with a reason', () => {
    const { mapped, ignored } = translationOf(BLOCK);
    const told = new Set([...mapped, ...ignored].map(({ from }) => from));
    expect([...told].sort()).toEqual(Object.keys(SEED_RULES).sort());
    for (const { reason } of ignored) expect(reason.length).toBeGreaterThan(10);
  });

  test('is translated to the plan of its page', async () => {
    const { config, engine } = translationOf(BLOCK);
    expect(engine).toEqual({ precision: 'bf16', micro_batch: 1, gradient_checkpointing: true });
    expect(await resolveConfig(config)).toMatchObject({
      model: { arch: 'cross', hidden_size: 768, depth: 18, num_heads: 12, patch_size: 2, in_channels: 3 },
      objective: { prediction_type: 'x_prediction', cfg_dropout: { p_uncond: 0.1, p_text_only: 0.25 } },
      optimizer: {
        type: 'muon',
        learning_rate: 3e-4,
        min_learning_rate: 1e-6,
        schedule: 'cosine',
        total_samples: 6000 * 256,
        warmup_samples: 500 * 256,
      },
      data: { batch_size: 256 },
    });
    expect((await resolveConfig(config)).data.image_size).toBeUndefined();
  });

  test('means the same without indentation, as JSON, and with its groups elsewhere', () => {
    const { ignored, ...whole } = translationOf(BLOCK);
    const flat = translationOf(FLAT);
    expect(flat).toMatchObject(whole);
    expect(flat.ignored).toEqual([
      ...ignored,
      {
        from: 'training.tread.guidance_scale',
        value: '- Gradient Accumulation: Effective batch size of 256 with batch_size=1',
        reason: 'text of the page behind the value, not a part of the config',
      },
    ]);
    const block = objectOf(BLOCK);
    expect(translationOf(block)).toEqual({ ...whole, ignored });
    const { repa, tread, ...training } = block.training as Record<string, unknown>;
    const moved = { model: { ...(block.model as object), tread }, training, repa };
    expect(translationOf(moved).config).toEqual(whole.config);
    expect(translationOf(FLAT.replaceAll('\n', '\r\n')).config).toEqual(whole.config);
  });

  test.each([
    ['3e-4 -> 1e-6', { learning_rate: 3e-4, min_learning_rate: 1e-6, schedule: 'cosine' }],
    ['"0.0003 to 0.000001 (cosine decay)"', { learning_rate: 3e-4, min_learning_rate: 1e-6, schedule: 'cosine' }],
    ['0.001', { learning_rate: 1e-3 }],
  ])('reads the rate %s', (text, optimizer) => {
    const written = BLOCK.replace('3e-4 → 1e-6 (cosine decay)', text);
    expect(translationOf(written).config.optimizer).toMatchObject(optimizer);
  });

  test('an unknown key, a wrong value and a line that is no key are refused by name', () => {
    expect(messageOf(BLOCK.replace('depth', 'depht'))).toBe(
      'config: unknown key model.depht (did you mean model.depth?)',
    );
    expect(messageOf(FLAT.replace('depth', 'depht'))).toContain('did you mean model.depth?');
    expect(messageOf(BLOCK.replace('cosine decay', 'linear decay'))).toBe(
      'config: training.learning_rate: expected a rate, or two rates such as "3e-4 → 1e-6 (cosine decay)"',
    );
    expect(messageOf(BLOCK.replace('depth: 18', 'depth: deep'))).toContain('model.depth: expected');
    expect(messageOf(FLAT.replace('depth: 18', 'eighteen deep'))).toBe(
      'config: line 3 "eighteen deep" is no key with a value',
    );
    expect(messageOf(FLAT.replace('depth: 18', 'depth: 18\ndepth: 19'))).toContain(
      'line 4 has model.depth a second time',
    );
    expect(messageOf({ training: {}, zzz: { a: 1 } })).toContain('unknown key zzz.a');
    expect(messageOf({ training: { repa: { enabled: true } }, repa: { enabled: false } })).toContain('is there twice');
    expect(messageOf(JSON.parse('{"training":{"__proto__":{"a":1}}}'))).toContain('unknown key training.__proto__.a');
  });
});

describe('readWrittenConfig', () => {
  test('takes the name of a preset, keys and YAML as they are', () => {
    expect(readWrittenConfig('prod-1')).toEqual({ config: 'prod-1' });
    expect(readWrittenConfig({ preset: 'tiny-b' })).toEqual({ config: { preset: 'tiny-b' } });
    expect(readWrittenConfig('preset: tiny-b\nseed: 3\n')).toEqual({ config: { preset: 'tiny-b', seed: 3 } });
    expect(messageOf('- 1\n- 2')).toContain('no object');
    expect(messageOf('seed: [1\n')).toContain('config: ');
  });
});
