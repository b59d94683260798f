/** @file Packages of the npm registry that a bundled set is made of, pinned. They are installed only when asked for. */

export interface SetPackage {
  /** `NAME@VERSION`, as npm takes it. */
  readonly spec: string;
  /** sha512 of the tarball, as the registry states it. */
  readonly integrity: string;
  /** Megabytes of the tarball. */
  readonly size: number;
  readonly license: { readonly name: string; readonly read_in: string };
  /** The file of the package that becomes a blob; absent: the tarball itself, without its compression. */
  readonly file?: string;
}

export interface BundledPackages {
  /** The name that `easel sets install` takes. */
  readonly name: string;
  readonly about: string;
  readonly packages: readonly SetPackage[];
  /** Digests of the blobs, by key of the body of the function that draws the set; in the order of the packages. */
  readonly blobs: Readonly<Record<string, `sha256:${string}`>>;
}

export const EMOJI_SET = {
  name: 'emoji',
  about: 'Fluent 3D emoji by Microsoft, 3,391 pictures of 256 x 256 pixels, with names and keywords of Unicode',
  packages: [
    {
      spec: '@lobehub/fluent-emoji-3d@1.1.0',
      integrity: 'sha512-Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==',
      size: 16,
      license: { name: 'MIT', read_in: 'package.json and README.md of the package' },
    },
    {
      spec: 'emojibase-data@17.0.0',
      integrity: 'sha512-Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==',
      size: 7,
      license: { name: 'MIT', read_in: 'LICENSE of the package' },
      file: 'package/en/data.json',
    },
  ],
  blobs: {
    pictures: 'sha256:054eaceced8a6edd895f074f686f7dd3a51cbf6f34c8cc955a8be6dee477f971',
    names: 'sha256:ed014f1049bd370c5794f815850156196ac382850f51c3e9f6a9e83553fb3f01',
  },
} as const satisfies BundledPackages;

export const SET_PACKAGES: readonly BundledPackages[] = [EMOJI_SET];
