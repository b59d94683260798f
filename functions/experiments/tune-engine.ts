/** @file Chooses the kernels of a GPU for an experiment, once, before its first step. They are part of its engine. */
import type { KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { EffectContext } from '../define.ts';
import { changeHead } from './experiment-head.ts';
import { wantsTuning } from './resolve-engine.ts';

/** @throws Unprocessable if the engine names choices that the store does not have. Extends their life. */
export async function keepChoices(blobs: BlobStore, { autotune }: EngineSpec): Promise<void> {
  if (autotune === undefined || (await blobs.keep(autotune)) !== undefined) return;
  throw new Unprocessable(`the engine names the kernels ${autotune}, which are not stored`, {
    expected: 'the output `choices` of the function `tune`',
    hint: 'leave `autotune` out: the first `train` measures kernels',
  });
}

export interface TuneTarget {
  readonly ctx: Pick<EffectContext, 'call' | 'runner' | 'store' | 'blobs'>;
  readonly name: string;
  /** As the first chunk has it. */
  readonly config: KeyedConfig;
  readonly signal: AbortSignal;
}

/**
 * Stores the choices of the function `tune` in the head. Does nothing if the engine does not measure, or if the
 * experiment has a checkpoint: its engine stays.
 */
export async function tuneEngine({ ctx, name, config, signal }: TuneTarget, head: ExperimentHead) {
  if (head.checkpoint !== undefined || !wantsTuning(head.engine)) return head;
  const { engines } = await ctx.runner.status();
  const found = engines.find(engine => engine.name === head.engine.name);
  const body = {
    config: (await putDocument(ctx.blobs, config)).digest,
    dataset: head.dataset,
    plan: head.plan,
    engine: head.engine,
    device: [found?.device ?? head.engine.name, found?.version].filter(part => part !== undefined).join(', '),
  };
  const { choices } = (await ctx.call('tune', body, { signal })).result.outputs;
  if (choices === undefined) return head;
  return changeHead(ctx.store, name, now =>
    now.checkpoint === undefined && wantsTuning(now.engine)
      ? { ...now, engine: { ...now.engine, autotune: choices.digest } }
      : now,
  );
}
