/** @file The encoders of texts that `fetch-models` can fetch: model-table.ts. */
import { apacheOf, PINS_OF_SEVERAL } from './model-licenses.ts';
import type { ModelSource, SourceNet } from './model-sources.ts';

interface T5Pins {
  readonly repo: string;
  readonly revision: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly config?: { readonly size: number; readonly sha256?: string };
  readonly pins: string;
}

/** All T5s of version 1.0 have one vocabulary, whose file is pinned in the repository of t5-base. */
const T5_TOKENIZER = {
  repo: 'google-t5/t5-base',
  revision: 'a9723ea7f1b39c1eae772870f3b547bf6ef7e6c1',
  path: 'tokenizer.json',
  size: 1_389_353,
  sha256: 'd2acde0d8d71dd30a711834b07781b9c89feaac33fd332f60507699282740066',
  format: 'file',
} as const;

function t5(
  name: string,
  about: string,
  { pins, config, ...file }: T5Pins,
  net: Omit<Extract<SourceNet, { readonly reads: 'caption' }>, 'reads'>,
  elements: number,
): ModelSource {
  const { repo, revision } = file;
  return {
    name,
    about: `${about}; the encoder alone, ${Math.round(elements / 1e6)} million parameters`,
    license: apacheOf(repo),
    pins,
    parts: {
      model: {
        ...file,
        path: 'model.safetensors',
        format: 'safetensors',
        keep: ['shared.weight', 'encoder.'],
        // The same tensor as shared.weight.
        leave: ['embed_tokens.weight'],
        elements,
      },
      tokenizer: T5_TOKENIZER,
      config: { repo, revision, path: 'config.json', format: 'file', ...config },
    },
    net: { reads: 'caption', ...net },
  };
}

const T5_SMALL = t5(
  't5-small',
  'meaning of texts, from T5 small',
  {
    repo: 'google-t5/t5-small',
    revision: 'df1b051c49625cf57a3d0d8d3863ed4d13564fe4',
    size: 242_043_056,
    sha256: 'bd944e5f1b3ad9b70dd9d00010a517059e19265671076b8b0a4a58d9491842bc',
    config: { size: 1206, sha256: '530e25060e3a8d5f7b0fcf53bfea9f3601165161f3b1914676e98d97cf07bcf1' },
    pins: 'the provenance record of one public project',
  },
  { width: 512, blocks: 6, inner: 512, hidden: 2048, products: 2 },
  35_330_816,
);

const T5_BASE = t5(
  't5-base',
  'meaning of texts, from T5 base',
  {
    repo: 'google-t5/t5-base',
    revision: 'a9723ea7f1b39c1eae772870f3b547bf6ef7e6c1',
    size: 891_646_390,
    sha256: 'a90903540cc02cbeb7ff9f823f1a80eb778c7e22426a0e620b01c77a5ec8f5b4',
    config: { size: 1208, sha256: '46dd7cb62d29c81fb551e0ef1ea274c24a46ba441eeb948897706252933df033' },
    pins: PINS_OF_SEVERAL,
  },
  { width: 768, blocks: 12, inner: 768, hidden: 3072, products: 2 },
  109_628_544,
);

const T5_LARGE = t5(
  't5-large',
  'meaning of texts, from T5 large',
  {
    repo: 'google-t5/t5-large',
    revision: '150ebc2c4b72291e770f58e6057481c8d2ed331a',
    size: 2_950_736_730,
    sha256: 'bb566a699a6939ffa2ac2fa7eb26fd02b13d4d14956186d7af1e46ce19c67d32',
    config: { size: 1209, sha256: '3ae9083d31e82430ac5ffaf87af48e4a39758c8911d33837b0d01d423fc50eeb' },
    pins: 'metadata of the Hugging Face API in one public project; config.json by the git digest that it names',
  },
  { width: 1024, blocks: 24, inner: 1024, hidden: 4096, products: 2 },
  334_939_648,
);

const FLAN_T5_LARGE = t5(
  'flan-t5-large',
  'meaning of texts, from T5 1.1 large tuned on instructions',
  {
    repo: 'google/flan-t5-large',
    revision: '0613663d0d48ea86ba8cb3d7a44f0f65dc596a2a',
    pins: 'no digest of its weights was found: the commit alone is pinned',
  },
  { width: 1024, blocks: 24, inner: 1024, hidden: 2816, products: 3 },
  341_231_104,
);

export const TEXT_SOURCES: readonly ModelSource[] = [T5_LARGE, T5_BASE, T5_SMALL, FLAN_T5_LARGE];
