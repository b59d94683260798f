import { expect, it } from 'vitest';
import { SIGNAL_NAMES } from '../../configs/signals.ts';
import { graphInputs } from '../../gpu-runner/compiler/graph.ts';
import { openPrograms } from '../../gpu-runner/planning/programs.ts';
import { FeedBuilder } from '../../gpu-runner/training/feeds.ts';
import { configOf, repeatedSource } from './bench-config.ts';
import { feedsAsState } from './resident.ts';
import { PRESET_SECTIONS } from './table.ts';

it.each(PRESET_SECTIONS)(
  'the small likeness of %s keeps its switches, and random pictures fill its inputs',
  async name => {
    const [{ config: large }, { config, frame }] = [await configOf(name, false), await configOf(name, true)];
    for (const key of ['arch', 'adaln', 'patch_size', 'patch_overlap'] as const) {
      expect(config.model[key], key).toBe(large.model[key]);
    }
    expect(Object.keys(config.model.conditions ?? {}).sort()).toEqual([...SIGNAL_NAMES].sort());
    expect(config.optimizer).toEqual(large.optimizer);
    const graph = openPrograms(config, frame, { precision: 'bf16' }).gradient({
      micro_batch: 2,
      gradient_checkpointing: false,
    });
    const samples = await repeatedSource(config, frame).load([0, 9]);
    const feeds = new FeedBuilder(config).build(samples, 0, { ...frame, batch: 2 });
    for (const [input, { shape }] of graphInputs(graph)) {
      expect(feeds[input]?.data.length, input).toBe(shape.reduce((a, b) => a * b, 1));
    }
    expect([...graphInputs(feedsAsState(graph)).keys()]).toEqual([]);
  },
);
