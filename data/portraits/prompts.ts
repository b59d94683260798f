/**
 * @file Prompts to evaluate with. Their attributes have the distribution of the portraits, but other random numbers.
 */
import { drawPortrait, type Portrait } from './attributes.ts';
import { captionPortrait } from './captions.ts';

export interface FreshPrompt {
  readonly prompt: string;
  readonly attributes: Portrait;
}

/** Makes `count` prompts of a seed. A longer list begins with the shorter list. */
export function freshPrompts(seed: number, count: number): FreshPrompt[] {
  return Array.from({ length: count }, (_, index) => {
    const attributes = drawPortrait(seed, index, 'prompts');
    return { prompt: captionPortrait(attributes, seed, index, 'prompts'), attributes };
  });
}
