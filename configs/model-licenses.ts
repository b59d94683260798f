/** @file Licences of pretrained networks, and what they say of networks that are trained on their output. */
import type { ModelLicense } from './model-sources.ts';

export const NO_CLAIM =
  'no, it asks for its notice where the weights are passed on, and says nothing of what is trained on their output';

export const PINS_OF_SEVERAL = 'lock files of several public projects, which agree';

export const apacheOf = (repo: string): ModelLicense => ({
  name: 'Apache-2.0',
  read_in: `model card of huggingface.co/${repo}`,
  binds: NO_CLAIM,
});

export const dinov3LicenseOf = (repo: string, revision: string): ModelLicense => ({
  name: 'DINOv3 License',
  read_in: `LICENSE.md of huggingface.co/${repo}`,
  binds:
    'read it, it is an agreement of Meta with terms of its own for use, for passing on and for works derived from the ' +
    'weights. Easel does not decide whether a network that was trained on their features is such a work',
  accept: true,
  gated: true,
  text: {
    repo,
    revision,
    path: 'LICENSE.md',
    size: 7503,
    sha256: '25d122eb8f5b880fd23c736fb6ea8018ee45c12237e00b8a86d14c653904999e',
  },
});
