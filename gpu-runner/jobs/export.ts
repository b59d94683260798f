/** @file The job `export`: the weights of a checkpoint as safetensors files for other programs, adapters merged. */
import { encodeSafetensors } from '../../formats/safetensors.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { BlobRef } from '../../storage/types.ts';
import { mergeLora } from '../model/lora.ts';
import { cutIntoParts, loadWeights } from './checkpoints.ts';
import type { JobHandler } from './context.ts';

/** Parts are named as Hugging Face names them: weights-00001-of-00002. */
const partName = (index: number, parts: number): string => {
  const [part, all] = [index + 1, parts].map(number => String(number).padStart(5, '0'));
  return parts === 1 ? 'weights' : `weights-${part}-of-${all}`;
};

export function createExportJob(): JobHandler<'export'> {
  return async (ctx, { checkpoint: digest, weights: choice }) => {
    const checkpoint = await readCheckpoint(ctx.blobs, digest);
    const config = await readKeyedConfig(ctx.blobs, checkpoint.config);
    const { lora, ...model } = config.model;
    ctx.progress({ phase: 'load' });
    const loaded = await loadWeights(ctx.blobs, checkpoint, config, choice);
    await ctx.breathe();
    const weights = lora ? mergeLora(loaded, lora) : loaded;
    const metadata = {
      format: 'pt',
      'easel.checkpoint': digest,
      'easel.model': canonicalJson(model),
      'easel.objective': canonicalJson(config.objective),
      'easel.samples': String(checkpoint.samples),
      'easel.step': String(checkpoint.step),
      'easel.weights': typeof choice === 'string' ? choice : JSON.stringify(choice),
    };
    const parts = cutIntoParts(weights);
    const outputs: Record<string, BlobRef> = {};
    for (const [index, part] of parts.entries()) {
      ctx.progress({ phase: 'write', done: index, total: parts.length, unit: 'files' });
      const bytes = encodeSafetensors(part, metadata);
      outputs[partName(index, parts.length)] = await ctx.blobs.put(bytes, 'application/x-safetensors');
      await ctx.breathe();
    }
    return { outputs, links: [], stats: {} };
  };
}
