/** @file State in our own typed arrays, wrapped for OpenVINO. */
import type { Tensor } from '../../compiler/tensor.ts';
import { DoubleBufferedState } from '../double-buffered-state.ts';
import type { Handle, OpenVino } from './ffi.ts';

/** A tensor and the library's handle of its memory. The handle is valid as long as the tensor is referenced. */
export interface View {
  readonly tensor: Tensor;
  readonly handle: Handle;
}

export function createView(api: OpenVino, tensor: Tensor): View {
  return { tensor, handle: api.wrapTensor(tensor) };
}

export class OpenVinoState extends DoubleBufferedState<View> {
  constructor(api: OpenVino) {
    super({
      create: tensor => createView(api, tensor),
      read: async slots =>
        Object.fromEntries(
          [...slots].map(([name, { front }]) => [name, { ...front.tensor, data: front.tensor.data.slice() }]),
        ),
      release: ({ handle }) => api.freeTensor(handle),
    });
  }
}
