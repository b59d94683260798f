/** @file Networks of the sections: presets with the conditions of the seed, or their small likenesses. */
import { loadPreset } from '../../configs/presets.ts';
import { type KeyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import { SEED_CONDITIONS } from '../../configs/seed-conditions.ts';
import type { Frame } from '../../gpu-runner/planning/programs.ts';
import { createRandomSource } from '../../gpu-runner/training/random-source.ts';
import type { TrainingSource } from '../../gpu-runner/training/source.ts';

export interface BenchNet {
  readonly config: KeyedConfig;
  readonly frame: Frame;
}

/** Small: two thin blocks, 16 tokens, and conditions of 64 numbers, with all that the preset switches on. */
export async function configOf(name: string, isSmall: boolean): Promise<BenchNet> {
  const { run: _, model, ...sections } = await loadPreset(name);
  if (!isSmall) {
    const config = keyedConfigSchema.parse({ ...sections, model: { ...model, conditions: SEED_CONDITIONS } });
    const { width = 0, height = 0 } = config.data.image_size ?? {};
    return { config, frame: { height, width, textTokens: SEED_CONDITIONS.text?.tokens ?? 1 } };
  }
  const side = 4 * model.patch_size;
  const { text, cls, patches, pose } = SEED_CONDITIONS;
  const conditions = {
    text: { ...text, dim: 64, tokens: 16 },
    cls: { ...cls, dim: 64 },
    patches: { ...patches, dim: 64 },
    pose,
  };
  const small = { hidden_size: 64, num_heads: 2, depth: 2, bottleneck: 32 };
  const rank = model.adaln === 'lowrank' ? { adaln_rank: 16 } : {};
  const config = keyedConfigSchema.parse({
    ...sections,
    model: { ...model, ...small, ...rank, conditions },
    data: { ...sections.data, image_size: { width: side, height: side } },
  });
  return { config, frame: { height: side, width: side, textTokens: 16 } };
}

/** Different pictures of a source; others repeat them, since a picture of a megapixel takes long to draw. */
const DIFFERENT = 8;

/** As many pictures as an update takes. */
export function repeatedSource(config: KeyedConfig, { height, width, textTokens }: Frame): TrainingSource {
  const count = config.data.batch_size;
  const options = { count: Math.max(count, DIFFERENT), size: { height, width }, textTokens };
  const source = createRandomSource(config, options);
  const items = source.load(Array.from({ length: DIFFERENT }, (_, i) => i));
  return {
    ...source,
    async load(positions) {
      const drawn = await items;
      return positions.map(position => {
        const item = drawn[position % DIFFERENT];
        if (item === undefined) throw new TypeError('a picture is missing');
        return item;
      });
    },
  };
}
