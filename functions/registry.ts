/** @file All functions there are, in the order of the pipeline. */
import { contactSheet } from './contact-sheet.ts';
import type { AnyFunction } from './define.ts';
import { preview } from './preview.ts';
import { sample } from './sample.ts';
import { train } from './train.ts';
import { trainChunk } from './train-chunk.ts';

export const registry: readonly AnyFunction[] = [train, trainChunk, preview, sample, contactSheet];
