/** @file The table of sets that the demo can train on. */
import type { DemoSet } from './demo-set.ts';
import { emoji } from './emoji.ts';
import { figures } from './figures.ts';
import { portraits } from './portraits.ts';

export const DEMO_SETS: readonly DemoSet[] = [portraits, figures, emoji];
