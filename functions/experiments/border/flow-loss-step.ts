/** @file Validation: the loss on held-out pictures beside that on trained ones, at every chunk border. */
import { type Validation, validationSchema } from '../../../configs/validation.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import type { BlobStore } from '../../../storage/types.ts';
import { outputOf } from '../../execution/output-of.ts';
import { batchFor } from '../flow-loss-batch.ts';
import { defineBorderStep } from './border-step.ts';

export function readValidation(blobs: BlobStore, digest: Digest): Promise<Validation> {
  return readDocument(blobs, digest, validationSchema, 'a validation');
}

export const flowLossStep = defineBorderStep({
  /** Heads of the time before the suite have it under this key. */
  name: 'validation',
  due: ({ config }) => config.run.validation !== undefined,
  async run({ head, config, call }, checkpoint) {
    const pictures = config.run.validation?.pictures ?? 1;
    const batch = batchFor(head.plan.micro_batch);
    const body = { checkpoint, dataset: head.dataset, pictures, batch, engine: head.engine };
    return outputOf((await call('flow-loss', body)).result, 'flow_loss');
  },
  artifact: {
    kind: 'validation',
    schema: validationSchema,
    linksLeaves: true,
    folder: 'flow-loss',
    files: ({ times, held_out, train }) => [
      {
        name: 'flow-loss.json',
        json: { v: 1, times, ...(held_out && { held_out }), ...(train && { train }) },
      },
    ],
    scalars: ({ held_out, train }) => ({
      'validation/flow_loss': held_out?.loss,
      'validation/train_flow_loss': train?.loss,
      'validation/overfitting_gap': held_out?.loss && train?.loss && held_out.loss / train.loss - 1,
      'validation/velocity_norm': held_out?.velocity_norm,
    }),
    describe: ({ run: { validation } }) =>
      validation === undefined
        ? '- flow-loss/: the loss on held-out pictures (not measured: run.validation is absent)'
        : '- flow-loss/: the loss on held-out pictures at every chunk border, and that on as many trained ones',
  },
});
