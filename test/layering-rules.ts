/** @file The arrows of the design as a table: who may import whom. */

export interface Layer {
  readonly name: string;
  /** Files, or folders with a "/" at the end; the longest that a path starts with decides. */
  readonly paths: readonly string[];
  /** Names of layers, beside itself and the free ones; `*` is all. */
  readonly mayImport: readonly string[];
  /** Anyone may import it; it imports only what is listed. */
  readonly free?: true;
}

export interface LayeringRules {
  readonly layers: readonly Layer[];
  /** Packages (or scopes that end with "/") that only so many files may import, and where those lie. */
  readonly singleImporters: Readonly<Record<string, { readonly under: string; readonly files: number }>>;
  /**
   * Files, or folders with a "/" at the end, that may listen or connect, and to whom: no address that comes with a call or a picture is
   * among them. Layers that may import everything are free.
   */
  readonly network: Readonly<Record<string, string>>;
  /** Longest source file. */
  readonly maxLines: number;
  /** Files that may be longer, and why. */
  readonly longFiles: Readonly<Record<string, string>>;
}

export const RULES: LayeringRules = {
  layers: [
    { name: 'errors', paths: ['errors.ts', 'package.json'], mayImport: [], free: true },
    { name: 'formats', paths: ['formats/'], mayImport: ['errors'], free: true },
    { name: 'configs', paths: ['configs/'], mayImport: ['errors'], free: true },
    { name: 'data', paths: ['data/'], mayImport: [] },
    { name: 'storage', paths: ['storage/'], mayImport: [] },

    { name: 'compiler', paths: ['gpu-runner/compiler/'], mayImport: [] },
    { name: 'engines', paths: ['gpu-runner/engines/'], mayImport: ['compiler'] },
    { name: 'model', paths: ['gpu-runner/model/'], mayImport: ['compiler'] },
    { name: 'training', paths: ['gpu-runner/training/'], mayImport: ['model', 'compiler'] },
    // The sampler feeds the model as training does, and draws from the same generator.
    { name: 'sampling', paths: ['gpu-runner/sampling/'], mayImport: ['training', 'model', 'compiler'] },
    { name: 'encoders', paths: ['gpu-runner/encoders/'], mayImport: ['model', 'compiler'] },
    { name: 'metrics', paths: ['gpu-runner/metrics/'], mayImport: ['model', 'compiler'] },
    {
      name: 'jobs',
      paths: ['gpu-runner/jobs/'],
      mayImport: ['training', 'sampling', 'encoders', 'metrics', 'model', 'compiler', 'engines', 'protocol', 'storage'],
    },
    { name: 'protocol', paths: ['gpu-runner/protocol.ts'], mayImport: ['storage'] },
    {
      name: 'link',
      paths: [
        'gpu-runner/failure.ts',
        'gpu-runner/loopback.ts',
        'gpu-runner/runner-file.ts',
        'gpu-runner/runner-link.ts',
      ],
      mayImport: ['protocol', 'storage'],
    },
    { name: 'client', paths: ['gpu-runner/client.ts'], mayImport: ['link', 'protocol', 'storage'] },
    { name: 'runner', paths: ['gpu-runner/'], mayImport: ['jobs', 'compiler', 'link', 'protocol', 'storage'] },

    { name: 'functions', paths: ['functions/'], mayImport: ['client', 'protocol', 'storage', 'data'] },
    { name: 'server', paths: ['server/'], mayImport: ['functions', 'client', 'protocol', 'storage'] },
    // It starts what Easel stands on, and knows nothing of it.
    { name: 'infra', paths: ['infra/'], mayImport: [] },
    // They speak HTTP.
    { name: 'cli', paths: ['cli/'], mayImport: ['infra'] },
    { name: 'web', paths: ['web/'], mayImport: [] },
    { name: 'examples', paths: ['examples/'], mayImport: ['cli', 'infra', 'functions', 'data'] },
    { name: 'tools', paths: ['bench/', 'experiments/', 'test/', 'tools/', 'vitest.config.ts'], mayImport: ['*'] },
  ],

  singleImporters: {
    sharp: { under: 'functions/lib/image.ts', files: 1 },
    'onnxruntime-node': { under: 'gpu-runner/engines/onnxruntime/', files: 1 },
    '@tensorflow/': { under: 'gpu-runner/engines/tensorflow/', files: 1 },
    '@aws-sdk/': { under: 'storage/drivers/s3.ts', files: 1 },
    koffi: { under: 'gpu-runner/engines/', files: 2 },
  },

  network: {
    'server/http-server.ts': 'listens, where the environment says',
    'gpu-runner/control.ts': 'listens on loopback',
    'gpu-runner/device-lock.ts': 'holds a socket, to be the only one',
    'gpu-runner/runner-link.ts': 'the runners that the environment names',
    'storage/s3-endpoint/listen.ts': 'listens, where the environment says',
    'storage/drivers/s3.ts': 'the store that the environment names',
    'storage/drivers/s3-agents.ts': 'the same, whose connections it makes',
    'cli/http.ts': 'the server that the command line names',
    'infra/': 'what it has started itself, on loopback',
  },

  maxLines: 350,
  longFiles: {
    'gpu-runner/compiler/ops.ts': 'a table: one row per operation',
  },
};
