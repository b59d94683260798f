/** @file Signals of the captions, to condition on. */
import { definePageFunction } from './define.ts';
import { encodeStage } from './encoders/encode-stage.ts';

export const encodeText = definePageFunction(
  encodeStage({
    name: 'encode-text',
    summary: 'Encodes each caption into one vector per token, without padding.',
    version: 1,
    reads: 'caption',
    usual: 'words',
    example: { dataset: 'portraits' },
  }),
);
