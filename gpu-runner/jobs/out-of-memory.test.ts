import { expect, test } from 'vitest';
import { Internal, OutOfMemory } from '../../errors.ts';
import { recognizeOutOfMemory } from './out-of-memory.ts';

test.each([
  "Non-zero status code returned while running MatMul node. Name:'n' Status Message: bfc_arena.cc:376 void* " +
    'onnxruntime::BFCArena::AllocateRawInternal(...) Failed to allocate memory for requested buffer of size 137438953472',
  'Available memory of 100 is smaller than requested bytes of 200',
  'Exception during run: std::bad_alloc',
  'Execute: Out of memory while trying to allocate 123 bytes. (RESOURCE_EXHAUSTED)',
  'Array buffer allocation failed',
  'OOM when allocating tensor with shape [1,2]',
])('memory ran out when an engine says: %s', message => {
  expect(recognizeOutOfMemory(new Error(message))).toMatchObject({ code: 'out_of_memory', status: 422 });
});

test('other errors stay as they are', () => {
  for (const error of [new Error('no room for doubt'), new Internal('out of memory'), new OutOfMemory('x'), 'text']) {
    expect(recognizeOutOfMemory(error)).toBe(error);
  }
});
