/**
 * @file Prompts to evaluate with: attribute combinations of the same distribution as the portraits, from another
 * stream.
 */
import { drawPortrait, type Portrait } from './attributes.ts';
import { captionPortrait } from './captions.ts';

export interface FreshPrompt {
  readonly prompt: string;
  readonly attributes: Portrait;
}

/** `count` prompts of a seed; the first n of a longer list are the shorter list. */
export function freshPrompts(seed: number, count: number): FreshPrompt[] {
  return Array.from({ length: count }, (_, index) => {
    const attributes = drawPortrait(seed, index, 'prompts');
    return { prompt: captionPortrait(attributes, seed, index, 'prompts'), attributes };
  });
}
