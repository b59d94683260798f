/** @file The log of a chunk: JSON Lines, one for each step. */
import { z } from 'zod';
import { Corrupt } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';

/**
 * A line of the log: { step, samples, loss, grad_norm, learning_rate, skipped, reason?, suspects?, loss_scale? },
 * and `loss/NAME` for each loss if there are several. A number that was not finite is null.
 */
const stepSchema = z.object({ step: z.int() }).catchall(z.json());
export type LoggedStep = z.output<typeof stepSchema>;

/** Of flow matching alone: a training with several losses logs it beside their sum. Null: not finite. */
export function flowLossOf({ loss, flow_loss = loss }: LoggedStep): number | null {
  return typeof flow_loss === 'number' ? flow_loss : null;
}

/** @throws BlobMissing, Corrupt */
export async function readLog(blobs: BlobStore, digest: Digest): Promise<LoggedStep[]> {
  const lines = Buffer.from(await blobs.get(digest))
    .toString('utf8')
    .split('\n');
  return lines.flatMap((line, i) => {
    if (line === '') return [];
    try {
      return [stepSchema.parse(JSON.parse(line))];
    } catch (cause) {
      throw new Corrupt(`line ${i + 1} of the log ${digest} is not a row of metrics`, { cause });
    }
  });
}
