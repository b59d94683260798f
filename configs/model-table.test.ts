import { expect, test } from 'vitest';
import { MODEL_PACKAGES } from './model-packages.ts';
import { isWhole, keepsTensor, type ModelSource, urlOf } from './model-sources.ts';
import { MODEL_SOURCES } from './model-table.ts';

const filesOf = ({ parts, license }: ModelSource) => [...Object.values(parts), ...(license.text ? [license.text] : [])];
const find = (name: string) => MODEL_SOURCES.find(each => each.name === name)!;

test('names are unique, also among the wheels; every file is pinned to a commit, and digests are sha256', () => {
  const names = [...MODEL_SOURCES, ...MODEL_PACKAGES].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const source of MODEL_SOURCES) {
    for (const { revision, sha256, size } of filesOf(source)) {
      expect(revision).toMatch(/^[0-9a-f]{40}$/);
      if (sha256 !== undefined) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      if (size !== undefined) expect(size).toBeGreaterThan(500);
    }
  }
  const digests = MODEL_SOURCES.flatMap(({ parts }) => Object.values(parts)).map(
    ({ path, sha256 }) => `${path} ${sha256}`,
  );
  const pinned = digests.filter(each => /model.safetensors [0-9a-f]/.test(each));
  expect(new Set(pinned).size).toBe(pinned.length);
});

test('a file that is stored whole has room for its tensors, in f32 with a header; T5 needs the rest of its file less', () => {
  for (const { name, parts } of MODEL_SOURCES) {
    const { model } = parts;
    if (model?.size === undefined || model.elements === undefined) continue;
    const rest = model.size - 4 * model.elements;
    if (isWhole(model)) expect(rest, name).toBeLessThan(200_000);
    expect(rest, name).toBeGreaterThan(0);
  }
});

test('of T5 the tables of words and the encoder are kept, and no copy of the table', () => {
  const { model } = find('t5-large').parts;
  const kept = ['shared.weight', 'encoder.block.0.layer.0.SelfAttention.q.weight', 'encoder.final_layer_norm.weight'];
  for (const name of kept) expect(keepsTensor(model!, name)).toBe(true);
  for (const name of [
    'decoder.block.0.layer.0.SelfAttention.q.weight',
    'lm_head.weight',
    'encoder.embed_tokens.weight',
  ]) {
    expect(keepsTensor(model!, name)).toBe(false);
  }
  expect(urlOf(model!)).toBe(
    'https://huggingface.co/google-t5/t5-large/resolve/150ebc2c4b72291e770f58e6057481c8d2ed331a/model.safetensors',
  );
});

test('the gated models must be accepted, and say that their licence may bind what is trained on them', () => {
  const gated = MODEL_SOURCES.filter(({ license }) => license.gated).map(({ name }) => name);
  expect(gated).toEqual(['dinov3-vitl16', 'dinov3-vitb16', 'dinov3-vits16']);
  for (const { license } of MODEL_SOURCES) expect(license.accept).toBe(license.gated);
});
