/**
 * @file The native packages of TensorFlow.js. Their install scripts download libtensorflow, so npm install does not
 * bring them: `easel engines install tensorflow` does, into a folder of its own.
 */
import { join } from 'node:path';

export interface TensorflowPackage {
  readonly name: string;
  /** Of the package in the npm registry. */
  readonly integrity: string;
  /** What it needs on the machine, in one sentence; absent: nothing. */
  readonly needs?: string;
}

/** Equal to the version of @tensorflow/tfjs-core in package.json. */
export const TENSORFLOW_VERSION = '4.22.0';

export const TENSORFLOW_PACKAGES = {
  gpu: {
    name: '@tensorflow/tfjs-node-gpu',
    integrity: 'sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==',
    needs: 'CUDA 11.2 and cuDNN 8.1 in LD_LIBRARY_PATH',
  },
  cpu: {
    name: '@tensorflow/tfjs-node',
    integrity: 'sha512-uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==',
  },
} as const satisfies Readonly<Record<string, TensorflowPackage>>;

/** The folder of an installation: its `node_modules` has the package. It exists only when it is complete. */
export function tensorflowFolder(cacheFolder: string): string {
  return join(cacheFolder, 'engines', 'tensorflow', TENSORFLOW_VERSION);
}
