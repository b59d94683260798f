/** @file A validation beside an earlier one of the same checkpoint: tests that the new one leaves out stay. */
import type { Suite } from '../../../configs/validation-suite.ts';
import { canonicalJson, type Json } from '../../../storage/canonical.ts';
import { listLinks } from './run-suite.ts';

/** Keys that may differ between two validations: with equal values of all others their numbers stand side by side. */
const PARTS = ['tests', 'controls', 'drift', 'drawn', 'links', 'why_extractor'] as const;

/** The new one with the tests of the earlier one that it lacks; the new one alone if their settings differ. */
export function mergeSuites(now: Suite, earlier: Suite): Suite {
  if (keyOf(settingsOf(now)) !== keyOf(settingsOf(earlier))) return now;
  const test = (each: Suite['tests'][number]) => [each.test, each.weights];
  const draw = (each: Suite['drawn'][number]) => [each.draw, each.weights];
  const drift = (each: Suite['drift'][number]) => [each.test, each.score, each.measure, each.weights];
  const parts = {
    tests: unite(now.tests, earlier.tests, test),
    controls: now.controls.length > 0 ? now.controls : earlier.controls,
    drift: unite(now.drift, earlier.drift, drift),
    drawn: unite(now.drawn, earlier.drawn, draw),
  };
  return { ...now, ...parts, links: listLinks(parts) };
}

function settingsOf(suite: Suite) {
  return Object.fromEntries(Object.entries(suite).filter(([key]) => !PARTS.some(part => part === key)));
}

function unite<T>(now: readonly T[], earlier: readonly T[], identify: (each: T) => unknown): T[] {
  const known = new Set(now.map(each => keyOf(identify(each))));
  return [...now, ...earlier.filter(each => !known.has(keyOf(identify(each))))];
}

function keyOf(value: unknown): string {
  return canonicalJson(value as Json);
}
