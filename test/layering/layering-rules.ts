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
  /** Packages (or scopes that end with "/") and files that only so many files may import, and where those lie. */
  readonly singleImporters: Readonly<Record<string, { readonly under: string; readonly files: number }>>;
  /**
   * Files, or folders with a "/" at the end, that may listen or connect, and to whom: no address that comes with a call
   * or a picture is among them. Layers that may import everything are free.
   */
  readonly network: Readonly<Record<string, string>>;
  /** Longest source file. */
  readonly maxLines: number;
  /** Files that may be longer, and why. */
  readonly longFiles: Readonly<Record<string, string>>;
}

/** Rooms of functions/, which the server may enter, too. */
const ROOMS = [
  'notes',
  'execution',
  'pictures',
  'captions',
  'encoders',
  'experiments',
  'datasets',
  'evaluation',
  'comparison',
  'provenance',
  'curation',
  'import',
  'shards',
  'views',
  'operations',
  'driver',
  'models',
  'upkeep',
] as const;

export const RULES: LayeringRules = {
  layers: [
    { name: 'errors', paths: ['errors.ts', 'errors-wire.ts', 'package.json'], mayImport: [], free: true },
    { name: 'formats', paths: ['formats/'], mayImport: ['errors'], free: true },
    { name: 'configs', paths: ['configs/'], mayImport: ['errors'], free: true },
    // Random numbers and linear algebra, equal to the bit on every machine.
    { name: 'numerics', paths: ['numerics/'], mayImport: ['configs'], free: true },
    // Numbers of pictures, features and poses, and how sure they are: arithmetic on typed arrays.
    { name: 'metrics', paths: ['metrics/'], mayImport: ['numerics', 'configs', 'formats', 'errors'], free: true },
    // Files over HTTP, into a folder. Server and command line fetch weights with it.
    { name: 'downloads', paths: ['downloads/'], mayImport: [] },
    { name: 'data', paths: ['data/'], mayImport: [] },
    { name: 'storage', paths: ['storage/'], mayImport: [] },

    { name: 'compiler', paths: ['gpu-runner/compiler/'], mayImport: [] },
    // Processes of the runner beside its own.
    { name: 'child', paths: ['gpu-runner/child/'], mayImport: [] },
    { name: 'engines', paths: ['gpu-runner/engines/'], mayImport: ['compiler', 'child'] },
    { name: 'model', paths: ['gpu-runner/model/'], mayImport: ['compiler'] },
    // Nets of which losses and metrics read the features.
    { name: 'lpips', paths: ['gpu-runner/encoders/lpips/'], mayImport: ['compiler'] },
    { name: 'efficientnet', paths: ['gpu-runner/encoders/efficientnet/'], mayImport: ['model', 'compiler'] },
    { name: 'training', paths: ['gpu-runner/training/'], mayImport: ['lpips', 'efficientnet', 'model', 'compiler'] },
    { name: 'sampling', paths: ['gpu-runner/sampling/'], mayImport: ['model', 'compiler'] },
    { name: 'runner-encoders', paths: ['gpu-runner/encoders/'], mayImport: ['efficientnet', 'model', 'compiler'] },
    // Memory of trainings and samples, found without running them.
    {
      name: 'planning',
      paths: ['gpu-runner/planning/'],
      mayImport: ['training', 'sampling', 'model', 'compiler', 'engines', 'child'],
    },
    {
      name: 'jobs',
      paths: ['gpu-runner/jobs/'],
      mayImport: [
        'planning',
        'training',
        'sampling',
        'runner-encoders',
        'lpips',
        'model',
        'compiler',
        'engines',
        'child',
        'protocol',
        'storage',
      ],
    },
    // What the two halves of the runner say to each other.
    { name: 'protocol', paths: ['gpu-runner/protocol.ts'], mayImport: ['storage'] },
    { name: 'client', paths: ['gpu-runner/client/'], mayImport: ['protocol', 'storage'] },
    {
      name: 'process',
      paths: ['gpu-runner/process/'],
      mayImport: ['jobs', 'training', 'compiler', 'client', 'protocol', 'storage'],
    },

    // The rooms of functions, lowest first; a stage may use all of them.
    { name: 'notes', paths: ['functions/notes/'], mayImport: ['storage'] },
    { name: 'definitions', paths: ['functions/define.ts'], mayImport: ['notes', 'protocol', 'storage', 'downloads'] },
    {
      name: 'execution',
      paths: ['functions/execution/'],
      mayImport: ['definitions', 'notes', 'protocol', 'storage', 'downloads'],
    },
    { name: 'pictures', paths: ['functions/pictures/'], mayImport: [] },
    { name: 'captions', paths: ['functions/captions/'], mayImport: ['pictures', 'definitions', 'notes', 'storage'] },
    {
      name: 'encoders',
      paths: ['functions/encoders/'],
      mayImport: ['pictures', 'execution', 'definitions', 'notes', 'protocol', 'storage'],
    },
    {
      name: 'experiments',
      paths: ['functions/experiments/'],
      mayImport: ['encoders', 'pictures', 'execution', 'definitions', 'notes', 'protocol', 'storage'],
    },
    {
      name: 'datasets',
      paths: ['functions/datasets/'],
      mayImport: ['experiments', 'pictures', 'definitions', 'notes', 'storage'],
    },
    // What a checkpoint makes of held-out pictures: drawn, measured, beside controls.
    {
      name: 'evaluation',
      paths: ['functions/evaluation/'],
      mayImport: [
        'datasets',
        'experiments',
        'encoders',
        'pictures',
        'execution',
        'definitions',
        'notes',
        'protocol',
        'storage',
        'data',
      ],
    },
    // Several experiments beside each other: reports, grids, sweeps.
    {
      name: 'comparison',
      paths: ['functions/comparison/'],
      mayImport: [
        'operations',
        'views',
        'evaluation',
        'experiments',
        'pictures',
        'execution',
        'definitions',
        'notes',
        'protocol',
        'storage',
      ],
    },
    // From a picture back to its originals.
    {
      name: 'provenance',
      paths: ['functions/provenance/'],
      mayImport: ['experiments', 'datasets', 'pictures', 'execution', 'definitions', 'notes', 'storage'],
    },
    // Measures of pictures, and what is left out by them.
    {
      name: 'curation',
      paths: ['functions/curation/'],
      mayImport: ['datasets', 'captions', 'pictures', 'definitions', 'notes', 'storage'],
    },
    {
      name: 'import',
      paths: ['functions/import/'],
      mayImport: ['datasets', 'pictures', 'notes', 'definitions', 'storage', 'data'],
    },
    { name: 'shards', paths: ['functions/shards/'], mayImport: ['definitions', 'storage'] },
    {
      name: 'views',
      paths: ['functions/views/'],
      mayImport: ['evaluation', 'curation', 'datasets', 'experiments', 'pictures', 'definitions', 'storage'],
    },
    {
      name: 'operations',
      paths: ['functions/operations/'],
      mayImport: ['views', 'datasets', 'experiments', 'definitions', 'protocol', 'storage'],
    },
    {
      name: 'driver',
      paths: ['functions/driver/'],
      mayImport: ['views', 'provenance', 'experiments', 'execution', 'definitions', 'storage'],
    },
    // Weights of pretrained networks.
    {
      name: 'models',
      paths: ['functions/models/'],
      mayImport: ['encoders', 'pictures', 'execution', 'definitions', 'protocol', 'storage', 'downloads'],
    },
    {
      name: 'upkeep',
      paths: ['functions/upkeep/'],
      mayImport: ['views', 'experiments', 'definitions', 'storage'],
    },
    { name: 'stages', paths: ['functions/'], mayImport: [...ROOMS, 'definitions', 'client', 'protocol', 'storage'] },

    {
      name: 'server',
      paths: ['server/'],
      mayImport: ['s3-endpoint', 'stages', ...ROOMS, 'definitions', 'client', 'protocol', 'storage', 'downloads'],
    },
    { name: 's3-endpoint', paths: ['server/s3/'], mayImport: ['storage'] },
    // It starts what Easel stands on, and knows nothing of it.
    { name: 'infra', paths: ['infra/'], mayImport: [] },
    // They speak HTTP.
    { name: 'cli', paths: ['cli/'], mayImport: ['infra', 'downloads'] },
    { name: 'web', paths: ['web/'], mayImport: [] },
    { name: 'examples', paths: ['examples/'], mayImport: ['cli', 'infra', ...ROOMS, 'data'] },
    { name: 'tools', paths: ['bench/', 'experiments/', 'test/', 'tools/', 'vitest.config.ts'], mayImport: ['*'] },
  ],

  singleImporters: {
    '@huggingface/tokenizers': { under: 'formats/tokenizer.ts', files: 1 },
    sharp: { under: 'functions/pictures/image.ts', files: 1 },
    'onnxruntime-node': { under: 'gpu-runner/engines/onnxruntime/', files: 1 },
    '@tensorflow/': { under: 'gpu-runner/engines/tensorflow/', files: 1 },
    '@aws-sdk/': { under: 'storage/drivers/s3/s3-store.ts', files: 1 },
    koffi: { under: 'gpu-runner/engines/koffi.ts', files: 1 },
    // The FFI files: ONNX Runtime, OpenVINO, Vulkan, PJRT.
    'gpu-runner/engines/koffi.ts': { under: 'gpu-runner/engines/', files: 4 },
  },

  network: {
    'server/http-server.ts': 'listens, where the environment says',
    'gpu-runner/process/control.ts': 'listens on loopback',
    'gpu-runner/process/device-lock.ts': 'holds a socket, to be the only one',
    'gpu-runner/client/runner-link.ts': 'the runners that the environment names',
    'server/s3/listen.ts': 'listens, where the environment says',
    'storage/drivers/s3/s3-store.ts': 'the store that the environment names',
    'storage/drivers/s3/agents.ts': 'the same, whose connections it makes',
    'functions/captions/ask-server.ts': 'the servers of models that the environment names',
    'functions/testing/model-server.ts': 'listens on loopback, in tests',
    'cli/http.ts': 'the server that the command line names',
    'downloads/request-range.ts': 'the pinned addresses of configs/model-packages.ts and configs/model-table.ts',
    'infra/': 'what it has started itself, on loopback',
  },

  maxLines: 350,
  longFiles: {
    'gpu-runner/compiler/ops.ts': 'a table: one row per operation',
  },
};
