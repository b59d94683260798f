/**
 * @file The networks whose features LPIPS compares: AlexNet, VGG-16 and SqueezeNet 1.1 with the layers and the names of
 * torchvision (torchvision/models/{alexnet,vgg,squeezenet}.py), to the last layer that LPIPS reads.
 */
import type { LpipsNet } from '../../../configs/lpips.ts';

/** A convolution, followed by ReLU. */
interface Convolution {
  readonly kind: 'convolution';
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

interface Pool {
  readonly kind: 'pool';
  readonly kernel: number;
  /** A window at the right or lower edge may be cut off (`ceil_mode`). */
  readonly cutsOff: boolean;
}

/** SqueezeNet's fire: 1x1 convolutions, then 1x1 and 3x3 convolutions side by side, each with ReLU. */
interface Fire {
  readonly kind: 'fire';
  readonly squeeze: number;
  /** Outputs of each of the two. */
  readonly expand: number;
}

interface Placed {
  /** Index among `features` of torchvision's network. */
  readonly at: number;
  /** LPIPS compares the features after this layer. */
  readonly isRead?: true;
}

export type Layer = (Convolution | Pool | Fire) & Placed;

/** Of all pools. */
export const POOL_STRIDE = 2;

const convolution = (at: number, outputs: number, kernel: number, stride = 1, padding = (kernel - 1) / 2): Layer => ({
  kind: 'convolution',
  at,
  outputs,
  kernel,
  stride,
  padding,
});
const pool = (at: number, kernel: number, cutsOff = false): Layer => ({ kind: 'pool', at, kernel, cutsOff });
const fire = (at: number, squeeze: number, expand: number): Layer => ({ kind: 'fire', at, squeeze, expand });
const read = (layer: Layer): Layer => ({ ...layer, isRead: true });

export const TRUNKS: Readonly<Record<LpipsNet, readonly Layer[]>> = {
  alex: [
    read(convolution(0, 64, 11, 4, 2)),
    pool(2, 3),
    read(convolution(3, 192, 5)),
    pool(5, 3),
    read(convolution(6, 384, 3)),
    read(convolution(8, 256, 3)),
    read(convolution(10, 256, 3)),
  ],
  vgg: [
    convolution(0, 64, 3),
    read(convolution(2, 64, 3)),
    pool(4, 2),
    convolution(5, 128, 3),
    read(convolution(7, 128, 3)),
    pool(9, 2),
    convolution(10, 256, 3),
    convolution(12, 256, 3),
    read(convolution(14, 256, 3)),
    pool(16, 2),
    convolution(17, 512, 3),
    convolution(19, 512, 3),
    read(convolution(21, 512, 3)),
    pool(23, 2),
    convolution(24, 512, 3),
    convolution(26, 512, 3),
    read(convolution(28, 512, 3)),
  ],
  squeeze: [
    read(convolution(0, 64, 3, 2, 0)),
    pool(2, 3, true),
    fire(3, 16, 64),
    read(fire(4, 16, 64)),
    pool(5, 3, true),
    fire(6, 32, 128),
    read(fire(7, 32, 128)),
    pool(8, 3, true),
    read(fire(9, 48, 192)),
    read(fire(10, 48, 192)),
    read(fire(11, 64, 256)),
    read(fire(12, 64, 256)),
  ],
};
