/** @file Encodes captions into signals. */
import { definePageFunction } from './define.ts';
import { encodeStage } from './encoders/encode-stage.ts';

export const encodeText = definePageFunction(
  encodeStage({
    name: 'encode-text',
    summary: 'Encodes each caption into signals: by `words`, one vector per word, without padding.',
    version: 3,
    reads: 'caption',
    usual: 'words',
    example: { dataset: 'portraits' },
  }),
);
