/** @file Libraries of engines that npm does not carry: pinned wheels, and the folders into which they are installed. */
import { join } from 'node:path';
import type { EngineName } from './engines.ts';

/** A wheel in the package index. Easel unpacks it and runs no Python, so its Python version only selects the file. */
export interface EngineWheel {
  readonly file: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** Arguments of `pip download` that select this file for every version of Python. */
  readonly select: readonly string[];
}

export interface EnginePackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Megabytes on disk. */
  readonly size: number;
  /** Prefixes of the paths in the wheel that are unpacked. */
  readonly keep: readonly string[];
  /** A file of every complete installation, relative to the package's folder. */
  readonly library: string;
  /** By `${process.platform}-${process.arch}`. */
  readonly wheels: Readonly<Record<string, EngineWheel>>;
}

const OPENVINO: EnginePackage = {
  name: 'openvino',
  version: '2026.4.1',
  license: 'Apache-2.0',
  size: 170,
  keep: ['openvino/libs/', 'openvino-2026.4.1.dist-info/licenses/'],
  library: 'openvino/libs/libopenvino_c.so.2641',
  wheels: {
    'linux-x64': {
      file: 'openvino-2026.4.1-22982-cp311-cp311-manylinux_2_28_x86_64.whl',
      sha256: '2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf',
      select: [
        ...['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'],
        ...['--platform', 'manylinux_2_28_x86_64'],
      ],
    },
  },
};

/** The package of each engine. Undefined: npm brings all that the engine needs. */
export const ENGINE_PACKAGES = {
  'onnxruntime/cpu': undefined,
  'onnxruntime/webgpu': undefined,
  'openvino/cpu': OPENVINO,
  tensorflow: undefined,
  reference: undefined,
} as const satisfies Readonly<Record<EngineName, EnginePackage | undefined>>;

/** The folder of an installed version. It exists only when the installation is complete. */
export function enginePackageFolder(cacheFolder: string, { name, version }: EnginePackage): string {
  return join(cacheFolder, 'engines', name, version);
}
