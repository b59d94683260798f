/**
 * @file Loads TensorFlow.js with the best backend that is installed and works, and says why better ones are not used.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { cacheFolderOf } from '../../../configs/cache-folder.ts';
import { TENSORFLOW_PACKAGES, tensorflowFolder } from '../../../configs/tensorflow-packages.ts';
import { Unprocessable } from '../../../errors.ts';

export { tf };

/** The backend of TensorFlow.js in this process. */
export interface Backend {
  /** The npm package whose kernels run. */
  readonly name: string;
  readonly device: string;
  /** One line per better backend that is not used: the reason, and how to change it. */
  readonly passedOver: readonly string[];
}

/** Finds and loads packages. A test passes packages that fail. */
export interface Packages {
  /** @throws an Error with `code` MODULE_NOT_FOUND when the package is not installed. */
  locate(name: string): void;
  load(name: string): void;
}

const GPU = '@tensorflow/tfjs-node-gpu';
const NATIVE = [GPU, '@tensorflow/tfjs-node'] as const;
const PLAIN = '@tensorflow/tfjs-backend-cpu';
const CORE = '@tensorflow/tfjs-core';
/** Both native packages register under this name. */
const NATIVE_BACKEND = 'tensorflow';

/**
 * libtensorflow reads these when it starts: kernels without atomics, one thread so that sums have one order, products
 * in f32 instead of TF32, and GPU memory on demand.
 */
const NATIVE_ENVIRONMENT = {
  TF_DETERMINISTIC_OPS: '1',
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  NVIDIA_TF32_OVERRIDE: '0',
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  TF_CPP_MIN_LOG_LEVEL: '2',
} as const;

let loaded: Promise<Backend> | undefined;

/** Chooses the backend, once per process. */
export function loadBackend(): Promise<Backend> {
  loaded ??= chooseBackend(installedPackages(process.env), process.env);
  return loaded;
}

/** The first package that is installed, loads and multiplies correctly: tfjs-node-gpu, tfjs-node, plain CPU kernels. */
export async function chooseBackend(packages: Packages, env: NodeJS.ProcessEnv): Promise<Backend> {
  // Otherwise the plain kernels print advice to install the native ones.
  tf.enableProdMode();
  const passedOver: string[] = [];
  for (const name of NATIVE) {
    try {
      packages.locate(name);
      Object.assign(env, NATIVE_ENVIRONMENT);
      restoreNodeFunctions();
      packages.load(name);
      await activate(NATIVE_BACKEND);
      const usesGpu = hasGpu(tf.backend());
      if (name === GPU && !usesGpu) passedOver.push(`${name} found no GPU that it can use: ${CUDA}`);
      return { name, device: usesGpu ? 'GPU (CUDA)' : 'CPU, one thread', passedOver };
    } catch (error) {
      passedOver.push(`${name}: ${explainFailure(error, name)}`);
      if (tf.findBackendFactory(NATIVE_BACKEND)) tf.removeBackend(NATIVE_BACKEND);
    }
  }
  await import('@tensorflow/tfjs-backend-cpu');
  await activate('cpu');
  return { name: PLAIN, device: 'CPU, plain JavaScript', passedOver };
}

const CUDA = `it needs ${TENSORFLOW_PACKAGES.gpu.needs}`;

function explainFailure(error: unknown, name: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (isMissing(error) && message.includes(`'${name}'`)) return 'not installed';
  if (message.includes('tfjs_binding')) {
    return `its native part is missing, which its install script downloads: npm rebuild ${name}`;
  }
  const firstLine = message.split('\n', 1)[0] ?? message;
  return /cannot open shared object file|libcud|CUDA/.test(message) ? `${firstLine}; ${CUDA}` : firstLine;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
}

/** Both native packages have the same class. It has a flag for the GPU. */
function hasGpu(backend: object): boolean {
  return 'isUsingGpuDevice' in backend && backend.isUsingGpuDevice === true;
}

/** Starts a backend and runs one product on it: a backend that loads may fail at its first operation. */
async function activate(name: string): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Unprocessable(`the backend "${name}" does not start`);
  const product = tf.tidy(() => {
    const x = tf.tensor([1, 2, 3, 4], [2, 2], 'float32');
    return [...tf.matMul(x, x).dataSync()];
  });
  if (product.join() !== '7,10,15,22') throw new Unprocessable(`the backend "${name}" multiplies wrong: ${product}`);
}

/** Packages beside this file, then those in the folder of `easel engines install tensorflow`. */
function installedPackages(env: NodeJS.ProcessEnv): Packages {
  const own = createRequire(import.meta.url);
  const folder = tensorflowFolder(cacheFolderOf(env));
  const installed = createRequire(join(folder, 'package.json'));
  const find = (name: string) => {
    try {
      own.resolve(name);
      return own;
    } catch {
      installed.resolve(name);
      return installed;
    }
  };
  return {
    locate: name => void find(name),
    load(name) {
      const require = find(name);
      if (require.resolve(CORE) !== own.resolve(CORE)) {
        throw new Unprocessable(`it was installed for another folder of Easel: remove ${folder} and install it again`);
      }
      require(name);
    },
  };
}

/**
 * Restores functions that tfjs-node calls for every operation. Node 23 removed isNullOrUndefined
 * (tensorflow/tfjs#8609).
 */
function restoreNodeFunctions(): void {
  const util: Record<string, unknown> = createRequire(import.meta.url)('node:util');
  util.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined;
  util.isArray ??= Array.isArray;
}
