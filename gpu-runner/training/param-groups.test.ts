import { describe, expect, it, test } from 'vitest';
import { optimizerSchema } from '../../configs/optimizer.ts';
import type { ParamSpec } from '../model/params.ts';
import { traceGradGraph } from './grad-graph.ts';
import { isDecayed, optimizerOf } from './param-groups.ts';
import { tinyConfig } from './testing/tiny.ts';
import { optimizerState, traceUpdateGraph } from './update-graph.ts';

const SHAPE = { batch: 2, height: 16, width: 16, textTokens: 8 };

function paramsOf(arch: 'joint' | 'cross'): readonly ParamSpec[] {
  return traceGradGraph(tinyConfig({ model: { arch } }), SHAPE, { accumulate: false }).params;
}

describe.each(['joint', 'cross'] as const)('the parameters of arch %s', arch => {
  const specs = paramsOf(arch);
  const namesOf = (isIn: (spec: ParamSpec) => boolean) => specs.filter(isIn).map(({ name }) => name);

  it.each(['named', 'all_2d'] as const)('are parted between Muon with groups %s and AdamW', groups => {
    const config = optimizerSchema.parse({ muon: { groups } });
    const moments = [...optimizerState(specs, config).keys()].map(name =>
      name.replace(/^optimizer\.(momentum|m)\./, ''),
    );
    expect(moments.filter(name => !name.startsWith('optimizer.v.')).toSorted()).toEqual(namesOf(() => true).toSorted());
    const { writes } = traceUpdateGraph(specs, config);
    for (const { name } of specs) expect(Object.keys(writes)).toContain(`model.${name}`);
  });

  it('named gives Muon the matrices inside blocks, all_2d all that has two axes', () => {
    const ofMuon = (groups: 'named' | 'all_2d') =>
      namesOf(spec => optimizerOf(spec, optimizerSchema.parse({ muon: { groups } })) === 'muon');
    expect(ofMuon('named').every(name => /^blocks\.\d+\.(attn|cross|mlp)\.\w+$/.test(name))).toBe(true);
    expect(ofMuon('all_2d')).toEqual(namesOf(({ shape }) => shape.length === 2));
    expect(ofMuon('all_2d')).toEqual(expect.arrayContaining(['text.position', 'pose.joint', 'head.out', 'patch.down']));
    expect(ofMuon('all_2d')).not.toContain('text.null');
  });

  it('decay in nested groups', () => {
    const decaying = (rule: 'matrices' | 'not_embeddings' | 'two_axes' | 'all') =>
      namesOf(spec => isDecayed(spec, optimizerSchema.parse({ weight_decay_on: rule })));
    const [matrices, maps, wide, all] = [
      decaying('matrices'),
      decaying('not_embeddings'),
      decaying('two_axes'),
      decaying('all'),
    ];
    expect(maps).toEqual(expect.arrayContaining([...matrices, 'head.out', 'patch.down', 'text.proj', 'pose.proj']));
    expect(wide.filter(name => !maps.includes(name))).toEqual(['text.position', 'pose.joint']);
    expect(all).toEqual(namesOf(() => true));
    expect(namesOf(spec => isDecayed(spec, optimizerSchema.parse({})))).toEqual(wide);
  });
});

test('keys that only Muon has are refused with adamw', () => {
  const keysOf = (written: object) => {
    const { error } = optimizerSchema.safeParse({ type: 'adamw', ...written });
    return error?.issues.map(({ path }) => path.join('.'));
  };
  expect(keysOf({ muon: { groups: 'all_2d' } })).toEqual(['muon.groups']);
  expect(keysOf({ adamw: { learning_rate: 1e-3 } })).toEqual(['adamw.learning_rate']);
  expect(keysOf({ weight_decay_on: 'all' })).toBeUndefined();
});
