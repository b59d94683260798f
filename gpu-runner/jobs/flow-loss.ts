/** @file The job `flow-loss`: the flow loss of a checkpoint on held-out pictures beside trained ones. */
import type { KeyedConfig } from '../../configs/schema.ts';
import { signalsOf } from '../../configs/signals.ts';
import type { Validation } from '../../configs/validation.ts';
import { putDocument, readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Checkpoint } from '../../storage/records.ts';
import { fedTextTokens } from '../model/batch.ts';
import type { FlowLossJob } from '../protocol.ts';
import { plainItem } from '../training/augment.ts';
import { FlowLossGrid, GRID_TIMES, type GridLoss } from '../training/flow-loss-grid.ts';
import type { TrainingSource } from '../training/source.ts';
import { loadWeights } from './checkpoints.ts';
import { openColumnSource } from './column-source.ts';
import type { JobContext, JobHandler } from './context.ts';
import { engineLinks } from './engine-links.ts';

export function createFlowLossJob(): JobHandler<'flow-loss'> {
  let resident: { readonly key: string; readonly grid: FlowLossGrid } | undefined;

  async function openGrid(ctx: JobContext, job: FlowLossJob, checkpoint: Checkpoint, config: KeyedConfig) {
    const key = canonicalJson([checkpoint.config, job.engine, job.batch]);
    if (resident?.key !== key) {
      await resident?.grid.dispose();
      resident = undefined;
      resident = { key, grid: new FlowLossGrid(await ctx.engine(job.engine), config, job.batch) };
    }
    resident.grid.load(await loadWeights(ctx.blobs, checkpoint, config, 'ema'));
    return resident.grid;
  }

  return async (ctx, job) => {
    const started = performance.now();
    const checkpoint = await readCheckpoint(ctx.blobs, job.checkpoint);
    const config = await readKeyedConfig(ctx.blobs, checkpoint.config);
    const heldOut = await openSplit(ctx, job, config, 'val');
    const count = heldOut.index.ids.length;
    // As many as are held out. Without those, the trained ones alone.
    const trained = await openSplit(ctx, count === 0 ? job : { ...job, pictures: count }, config, 'train');
    const longest = Math.max(...[heldOut, trained].map(({ index }) => index.longest.text ?? 0));
    const textTokens = fedTextTokens(config.model, longest);
    const total = count + trained.index.ids.length;
    const grid = await openGrid(ctx, job, checkpoint, config);
    const { noises = 1 } = job;
    let runs = 0;
    const measure = async ({ index, load }: TrainingSource): Promise<GridLoss | undefined> => {
      if (index.ids.length === 0) return undefined;
      const items = (await load([...index.ids.keys()])).map(item => plainItem(item, config.data));
      const breathe = async () => {
        const done = Math.floor((++runs * job.batch) / (GRID_TIMES.length * noises));
        ctx.progress({ phase: 'flow-loss', done, total, unit: 'pictures' });
        await ctx.breathe();
      };
      return grid.measure(items, textTokens, { noises, breathe });
    };
    const [held_out, train] = [await measure(heldOut), await measure(trained)];
    const validation: Validation = {
      v: 1,
      kind: 'validation',
      checkpoint: job.checkpoint,
      times: [...GRID_TIMES],
      ...(noises > 1 && { noises }),
      ...(held_out && { held_out: toJson(held_out) }),
      ...(train && { train: toJson(train) }),
      links: [],
    };
    return {
      outputs: { flow_loss: await putDocument(ctx.blobs, validation) },
      links: engineLinks(job.engine),
      stats: { seconds: (performance.now() - started) / 1000 },
    };
  };
}

function openSplit(ctx: JobContext, job: FlowLossJob, { model }: KeyedConfig, split: 'train' | 'val') {
  const { dataset, pictures: most } = job;
  const signals = signalsOf(model.conditions);
  return openColumnSource(ctx.blobs, { dataset, signals, split, most, budgetBytes: 0 }, () => {});
}

/** JSON cannot hold numbers that are not finite. */
function toJson({ loss, by_time, velocity_norm, pictures }: GridLoss): NonNullable<Validation['train']> {
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return { loss: finite(loss), by_time: by_time.map(finite), velocity_norm: finite(velocity_norm), pictures };
}
