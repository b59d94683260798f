/** @file Tests that prove at more places what others prove: `.ci/run` takes them, `npm test` alone does not. */
import { runsTier } from './tiers.ts';

/**
 * Whether EASEL_TEST=all asks for the whole suite. If not, a line says what is left out.
 * @param leftOut What the file leaves out, such as "the demo on a MinIO".
 */
export function takesAll(leftOut: string): boolean {
  return runsTier('all', process.env.EASEL_TEST === 'all' ? undefined : `EASEL_TEST is not all: without ${leftOut}`);
}
