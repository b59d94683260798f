/** @file Pictures of the poses of a dataset, for its view: one for each page that has poses. */
import { Internal } from '../../errors.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Page } from '../../storage/records.ts';
import type { CallAnswer } from '../define.ts';

/** Name of the file beside the columns of the page. */
export const POSE_SHEET = 'poses.jpg';

const AT_ONCE = 2;

interface SheetContext {
  readonly signal?: AbortSignal;
  call(name: string, body: Json): Promise<CallAnswer>;
}

/** For each page the digest of its sheet; undefined without poses. Each is drawn once: the calls are cached. */
export function drawPoseSheets(ctx: SheetContext, pages: readonly Page[]): Promise<(Digest | undefined)[]> {
  const bound = { width: AT_ONCE, ...(ctx.signal && { signal: ctx.signal }) };
  return mapBounded(pages, bound, async ({ items, columns: { image, pose } }) => {
    if (image === undefined || pose === undefined) return undefined;
    const { result } = await ctx.call('pose-sheet', { items, image, pose });
    if (result.outputs.image === undefined) throw new Internal('pose-sheet made no picture');
    return result.outputs.image.digest;
  });
}
