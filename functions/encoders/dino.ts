/**
 * @file The image encoders DINOv3 and DINOv2 (configs/dino.ts). They run in the gpu-runner
 * (gpu-runner/encoders/dino.ts). `cls` is the token of the whole picture, `patches` are those of its patches, without
 * registers.
 */
import {
  DINO_NETS,
  DINO_PCA_DIM,
  DINO_STRIDE,
  type DinoNet,
  type DinoOptions,
  dinoOptions,
  summedBlocks,
} from '../../configs/dino.ts';
import { defineEncoder } from './encoder.ts';

export const dinoEncoders = DINO_NETS.map(dinoEncoder);

function dinoEncoder(net: DinoNet) {
  const { hidden } = net;
  const sum = ({ layers }: DinoOptions) => (layers === 'last' ? {} : { layers: summedBlocks(layers) });
  return defineEncoder({
    name: net.name,
    version: 1,
    reads: 'image',
    options: dinoOptions(net),
    makes: {
      // The stride decides at which size the network sees the picture.
      cls: options => ({
        dim: hidden,
        ...(options.stride !== DINO_STRIDE && { stride: options.stride }),
        ...sum(options),
      }),
      patches: options => ({ dim: options.pca ?? hidden, stride: options.stride, ...sum(options) }),
    },
    optionsOf: ({ cls, patches }) => {
      const layers = patches?.layers ?? cls?.layers;
      return {
        stride: patches?.stride ?? cls?.stride ?? DINO_STRIDE,
        ...(layers !== undefined && { layers: `sum_${layers}` }),
        ...(patches !== undefined && patches.dim !== hidden && { pca: DINO_PCA_DIM }),
      };
    },
    weights: ['model'],
    fitted: ({ pca }) => (pca === undefined ? [] : ['pca']),
    runs: 'runner',
  });
}
