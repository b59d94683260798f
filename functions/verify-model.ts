/** @file Checks the stored weights of a pretrained network: their bytes, their origin, and what the network makes. */
import { z } from 'zod';
import { NotFound } from '../errors.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import { createRefs } from '../storage/names/refs.ts';
import type { EngineSpec } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { ENCODERS } from './encoders/encoders.ts';
import { installHint, pickWeights } from './encoders/weights.ts';
import { engineRequestSchema, resolveEngine } from './experiments/resolve-engine.ts';
import { checkFiles } from './models/check-files.ts';
import { checkOutputs } from './models/check-outputs.ts';
import { readGolden } from './models/goldens.ts';

export const verifyModel = defineFunction({
  name: 'verify-model',
  summary:
    'Checks the weights of a pretrained network: their bytes, their origin, and its outputs beside those of PyTorch ' +
    'where these are known.',
  version: 1,
  kind: 'effect',
  example: { model: 'minilm-l6' },
  input: z.strictObject({
    model: z.string().describe('name of an installed model'),
    engine: engineRequestSchema.default('auto').describe('engine on which the network runs'),
  }),
  key: input => canonicalJson(input),
  async run(ctx, { model: name, engine: asked }) {
    const model = (await createRefs(ctx.store).models.read(name))?.value;
    if (model === undefined) throw new NotFound(`the model ${name} is not installed`, { hint: installHint(name) });
    ctx.progress({ phase: 'files' });
    const checks = await checkFiles(name, model, ctx.blobs);
    const encoder = ENCODERS.find(each => each.name === name && each.runs === 'runner');
    const golden = await readGolden(name);
    const isWhole = checks.every(({ ok }) => ok);
    let engine: EngineSpec | undefined;
    if (encoder && isWhole) {
      ctx.progress({ phase: 'outputs' });
      engine = resolveEngine(await ctx.runner.status(), asked);
      const weights = pickWeights(encoder, model.weights);
      checks.push(...(await checkOutputs(ctx, encoder, { weights, engine, golden })));
    }
    const notes = [
      ...(encoder ? [] : [`no encoder of this version runs ${name}: its outputs were not computed`]),
      ...(encoder && !isWhole ? ['the network was not run, since its weights are not right'] : []),
      ...(encoder && golden === undefined
        ? [
            `no outputs of PyTorch are known for ${name}: only what must hold of any ` +
              'encoder was checked (tools/make-encoder-goldens.py says of which encoders it makes them)',
          ]
        : []),
    ];
    const ok = checks.every(check => check.ok);
    const compared = ok && encoder !== undefined && golden !== undefined;
    return {
      v: 1,
      model: name,
      verdict: !ok ? 'wrong' : compared ? 'equal to PyTorch within the tolerance' : 'nothing wrong found',
      checks: checks.map(check => ({ ...check })),
      ...(engine && { engine: { ...engine } }),
      ...(golden && { golden: { made_with: golden.made_with, tolerance: golden.tolerance } }),
      notes,
    } satisfies Json;
  },
});
