/** @file Pieces of the work of a function, each a stored result of its own. */
import { z } from 'zod';
import { putDocument, readDocument } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import type { Action } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { KeepPiece, PageFunction, PureFunction, PureOutcome } from '../define.ts';
import { outputOf } from './output-of.ts';
import type { Resolved } from './resolve-action.ts';

type Maker = Pick<PageFunction | PureFunction, 'name' | 'version'>;

/** @param resolve Returns the stored result of the action, or computes it. */
export function pieceKeeper(
  fn: Maker,
  blobs: BlobStore,
  resolve: (action: Action, compute: () => Promise<PureOutcome>) => Promise<Resolved>,
): KeepPiece {
  return async (params, make) => {
    const compute = async () => ({ outputs: { piece: await putDocument(blobs, await make()) } });
    const { result } = await resolve(pieceAction(fn, params), compute);
    return readDocument(blobs, outputOf(result, 'piece'), z.json(), `a piece of ${fn.name}`);
  };
}

/**
 * The action of a piece. It names neither the page nor its columns, so that the piece outlives a change of the page.
 * Its function is no function that can be called, so a search for the maker of a lost blob, which reads the results of
 * all functions, does not read those of a piece for each picture.
 */
function pieceAction({ name, version }: Maker, piece: Readonly<Record<string, Json>>): Action {
  return { v: 1, function: `${name}-piece`, version, params: JSON.parse(canonicalJson({ piece })), inputs: {} };
}
