/**
 * @file The one writer of PNGs that a function gives away. Each tells the action that made it, so that a picture found
 * anywhere can be made again (`easel reproduce`).
 */

import { withPngText } from '../../formats/png.ts';
import { ACTION_KEYWORD, readPngAction } from '../../formats/png-action.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { BlobRef } from '../../storage/types.ts';
import type { PureContext } from '../define.ts';

/** Stores a PNG with the digest of the action that makes it. Its pixels stay. */
export function publishPng(
  { blobs, action }: Pick<PureContext, 'blobs' | 'action'>,
  png: Uint8Array,
): Promise<BlobRef> {
  return blobs.put(withPngText(png, ACTION_KEYWORD, action), 'image/png');
}

/** The action that a PNG says made it. @throws Unprocessable for bytes that are not a PNG. */
export function actionOfPng(png: Uint8Array): Digest | undefined {
  const action = readPngAction(png);
  return action !== undefined && isDigest(action) ? action : undefined;
}
