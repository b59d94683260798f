/** @file The encoders of pictures that `fetch-models` can fetch: model-table.ts. */
import { apacheOf, dinov3LicenseOf, PINS_OF_SEVERAL } from './model-licenses.ts';
import type { ModelSource } from './model-sources.ts';

interface VitPins {
  readonly repo: string;
  readonly revision: string;
  readonly size: number;
  readonly sha256: string;
  readonly config: { readonly size: number; readonly sha256: string };
}

const vitSizes = {
  s: { words: 'small', net: { width: 384, blocks: 12 } },
  b: { words: 'base', net: { width: 768, blocks: 12 } },
  l: { words: 'large', net: { width: 1024, blocks: 24 } },
} as const;

function dino(
  version: 2 | 3,
  size: keyof typeof vitSizes,
  { repo, revision, config, ...file }: VitPins,
  elements: number,
): ModelSource {
  const patch = version === 3 ? 16 : 14;
  return {
    name: `dinov${version}-vit${size}${patch}`,
    about: `features of pictures, from DINOv${version} ${vitSizes[size].words} (${Math.round(elements / 1e6)} million parameters)`,
    license: version === 3 ? dinov3LicenseOf(repo, revision) : apacheOf(repo),
    pins: PINS_OF_SEVERAL,
    parts: {
      model: { repo, revision, path: 'model.safetensors', ...file, format: 'safetensors', elements },
      config: { repo, revision, path: 'config.json', ...config, format: 'file' },
    },
    net: { reads: 'image', ...vitSizes[size].net, patch },
  };
}

export const DINO_SOURCES: readonly ModelSource[] = [
  dino(
    3,
    'l',
    {
      repo: 'facebook/dinov3-vitl16-pretrain-lvd1689m',
      revision: 'ea8dc2863c51be0a264bab82070e3e8836b02d51',
      size: 1_212_559_808,
      sha256: 'dcb2e45127cccbf1601e5f42fef165eea275c8e5213197e8dcf3f48822718179',
      config: { size: 745, sha256: '135ecd23e34a70b6fbed8b083fdecb319b7e3a54e3d849258bbe4ddcf1783bb5' },
    },
    303_129_600,
  ),
  dino(
    3,
    'b',
    {
      repo: 'facebook/dinov3-vitb16-pretrain-lvd1689m',
      revision: '5931719e67bbdb9737e363e781fb0c67687896bc',
      size: 342_662_192,
      sha256: '9a21ac3df0c63839d62612dda6f454d816c25611cc7a52966ed5a5a94921dc8b',
      config: { size: 744, sha256: '3c9cc418f4622fd6d5587fd142b6f3cba0ba6a69f67ced907d8b7f26118451ec' },
    },
    85_660_416,
  ),
  dino(
    3,
    's',
    {
      repo: 'facebook/dinov3-vits16-pretrain-lvd1689m',
      revision: '114c1379950215c8b35dfcd4e90a5c251dde0d32',
      size: 86_406_384,
      sha256: '4610ad75edef83e75afdebf162d148dc628045ea6cbb83d67d4708c709c4f91d',
      config: { size: 743, sha256: '9481247be9f95a134a5599402b4bfc838eecdf9a7fffbf4debd1c70ec213898b' },
    },
    21_596_544,
  ),
  dino(
    2,
    'l',
    {
      repo: 'facebook/dinov2-large',
      revision: '47b73eefe95e8d44ec3623f8890bd894b6ea2d6c',
      size: 1_217_522_888,
      sha256: '399fba97a95f22c36834418bc69373364a99af3a1153da1c0fb31db567c92e23',
      config: { size: 549, sha256: '12df51c069a2dc1305e34ba71ef58bc2407ea553b75f4722a1715c1bce3bbed0' },
    },
    304_368_640,
  ),
  dino(
    2,
    'b',
    {
      repo: 'facebook/dinov2-base',
      revision: 'f9e44c814b77203eaa57a6bdbbd535f21ede1415',
      size: 346_345_912,
      sha256: 'd73036b56966966d07975d696bde331762f37297e2f095de8cea0040c3aa0841',
      config: { size: 548, sha256: 'f7ff4cfa73d2f70647dbf6950541ad25d73082d54c2e7e9bded160c7656b2a70' },
    },
    86_580_480,
  ),
  dino(
    2,
    's',
    {
      repo: 'facebook/dinov2-small',
      revision: 'ed25f3a31f01632728cabb09d1542f84ab7b0056',
      size: 88_249_960,
      sha256: 'ae1e99fcefd534ed978cdeb8326f08030c96e28b7a81ffcbc98a857c84d14be1',
      config: { size: 547, sha256: '1809f83e3bdb1609a501a610ad4a742f4fd8ae44d72ca4aa0df52d1f2ac8628d' },
    },
    22_056_576,
  ),
];
