/**
 * @file Tests that need parts which a machine may lack. A skipped tier prints a line; REQUIRE_TIERS makes it a failure.
 */

/** Comma-separated names: the tiers whose skipping is a failure, as CI asks for what it has installed. */
const required = new Set((process.env.REQUIRE_TIERS ?? '').split(',').map(name => name.trim()));

/**
 * Whether tests of a tier run: for `describe.skipIf(!runsTier(...))`.
 * @param missing Why they cannot and what to do about it; undefined: they can.
 * @throws Error when the tier is required and something is missing.
 */
export function runsTier(tier: string, missing: string | undefined): boolean {
  if (missing === undefined) return true;
  if (required.has(tier))
    throw new Error(`the tests of ${tier} are required (REQUIRE_TIERS) and cannot run: ${missing}`);
  console.warn(`SKIPPED: ${tier}: ${missing}`);
  return false;
}
