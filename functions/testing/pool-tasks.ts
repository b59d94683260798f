/** @file Tasks for pool.test.ts. */
import { threadId } from 'node:worker_threads';
import { Unprocessable } from '../../errors.ts';

export const tasks = {
  double: (input: { readonly value: number }) => input.value * 2,
  thread: async () => {
    await new Promise(resolve => setTimeout(resolve, 20));
    return threadId;
  },
  bytes: (input: { readonly length: number }) => ({
    members: new Map([['a.bin', new Uint8Array(input.length).fill(7)]]),
    small: Buffer.from('small'),
  }),
  refuse: () => {
    throw new Unprocessable('the picture does not decode', {
      expected: 'a PNG',
      hint: 'save it again',
      details: { id: 'a1' },
    });
  },
  defect: () => {
    throw new TypeError('x is not a function');
  },
  crash: () => process.exit(3),
};
