/** @file Patterns of parameter names: `*` stands for any characters, everything else for itself. */
import { z } from 'zod';

const LONGEST_PATTERN = 200;
const MOST_PATTERNS = 64;

const patternSchema = z
  .string()
  .max(LONGEST_PATTERN)
  .regex(/^[A-Za-z0-9_.*]+$/, 'expected a name of a parameter, in which * stands for any characters: "blocks.0.*"');

export const patternsSchema = z.array(patternSchema).max(MOST_PATTERNS);

/** Whether one of the patterns is the whole name. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some(pattern => matches(pattern, name));
}

/** The patterns that no name matches. */
export function unmatched(patterns: readonly string[], names: readonly string[]): string[] {
  return patterns.filter(pattern => !names.some(name => matches(pattern, name)));
}

/** Compares part by part, each at its first place after the one before: no pattern takes more than one pass. */
function matches(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return name === pattern;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let place = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, place);
    if (found < 0) return false;
    place = found + part.length;
  }
  return name.length - last.length >= place && name.endsWith(last);
}
