/** @file The sizes at which pictures are trained, of those at which they are stored. */
import { Unprocessable } from '../errors.ts';
import type { DataConfig } from './schema.ts';

/** Pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * A stored picture as it is trained: without the margin in which the crop moves.
 * @throws Unprocessable if nothing is left of it.
 */
export function trainedSize<S extends Size>(size: S, { crop_jitter: jitter = 0 }: Pick<DataConfig, 'crop_jitter'>): S {
  const [width, height] = [size.width - 2 * jitter, size.height - 2 * jitter];
  if (width > 0 && height > 0) return jitter === 0 ? size : { ...size, width, height };
  throw new Unprocessable(`data.crop_jitter ${jitter} leaves nothing of pictures of ${size.width} x ${size.height}`, {
    expected: 'less than half of the shortest side',
  });
}
