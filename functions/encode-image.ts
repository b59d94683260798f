/** @file Encodes pictures into signals. */
import { definePageFunction } from './define.ts';
import { encodeStage } from './encoders/encode-stage.ts';

export const encodeImage = definePageFunction(
  encodeStage({
    name: 'encode-image',
    summary:
      'Encodes each picture into signals: by `dct`, a vector for the picture (cls) and one for each patch (patches).',
    version: 3,
    reads: 'image',
    usual: 'dct',
    example: { dataset: 'portraits', stride: 8 },
  }),
);
