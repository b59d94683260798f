/** @file Signals of the pictures, to condition on. */
import { definePageFunction } from './define.ts';
import { encodeStage } from './encoders/encode-stage.ts';

export const encodeImage = definePageFunction(
  encodeStage({
    name: 'encode-image',
    summary: 'Encodes each picture: one vector for the whole (cls) and one for each patch (patches).',
    version: 2,
    reads: 'image',
    usual: 'dct',
    example: { dataset: 'portraits', stride: 8 },
  }),
);
