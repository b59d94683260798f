/** @file Says which pictures are seen several times an epoch, because too few have their size to fill a batch. */
import { quantity } from '../../configs/quantity.ts';
import type { BucketCount, Note } from '../../storage/records.ts';

/** A note for each such size, the rarest first. All pictures of a batch have one size (epoch-plan.ts). */
export function noteRepeats(buckets: readonly BucketCount[], batchSize: number): Note[] {
  return buckets
    .filter(({ train }) => train > 0 && train < batchSize)
    .toSorted((a, b) => a.train - b.train)
    .map(({ width, height, train }) => {
      const [least, most] = [Math.floor(batchSize / train), Math.ceil(batchSize / train)];
      const times = least === most ? `${least}` : `${least} to ${most}`;
      const [fill, each] = train === 1 ? ['fills', 'it'] : ['fill', 'each'];
      const text = `${quantity(train, 'picture')} of ${width} x ${height} ${fill} a batch of ${batchSize}`;
      return { code: 'repeated', count: train, text: `${text}: ${each} is seen ${times} times an epoch`, examples: [] };
    });
}
