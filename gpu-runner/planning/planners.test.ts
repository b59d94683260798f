import { expect, it } from 'vitest';
import { CARDS } from '../../configs/cards.ts';
import * as f from '../compiler/functions.ts';
import { trace } from '../compiler/trace.ts';
import { cardLike, openPlanner } from './planners.ts';

const own = { name: 'NVIDIA GeForce RTX 4070', driver: '580.1', capability: '8.9', memoryBytes: 12_282 * 2 ** 20 };

it('a card that is not listed is planned for as a listed card of its capability, with its own memory', () => {
  const card = cardLike({ ...own, hasDisplay: true });
  expect(card).toMatchObject({ name: own.name, capability: '8.9', memoryMiB: 12_282 });
  const listed = cardLike({ ...own, name: CARDS['rtx-4090'].name, memoryBytes: 24_564 * 2 ** 20, hasDisplay: false });
  expect(listed).toEqual(CARDS['rtx-4090']);
  expect(cardLike({ ...own, capability: '7.5', hasDisplay: true })).toBeUndefined();
});

it('a program on OpenVINO keeps values and kernels between runs, and has feeds and both buffers of state beside', async () => {
  const graph = trace(builder => {
    const x = builder.input('x', { shape: [1000], dtype: 'f32' });
    const w = builder.state('w', { shape: [1000], dtype: 'f32' });
    return { outputs: {}, writes: { w: f.add(w, f.exp(f.exp(x))) } };
  });
  const planner = await openPlanner('openvino/cpu', { precision: 'f32' });
  const own = 1.1 * 2 * 4000 + graph.nodes.length * 65_536;
  expect(await planner.plan(graph)).toEqual({ peakBytes: 3 * 4000 + own, ownBytes: own });
});
