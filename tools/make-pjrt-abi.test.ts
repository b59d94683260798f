import { expect, it } from 'vitest';
import abi from '../gpu-runner/engines/xla/pjrt/abi.json' with { type: 'json' };
import { parsePjrtHeader } from './make-pjrt-abi.ts';

const HEADER = `
#define PJRT_API_MAJOR 0
#define PJRT_API_MINOR 7
typedef enum { PJRT_Kind_A = 0, PJRT_Kind_B, /* a gap */ PJRT_Kind_D = 5, PJRT_Kind_E, } PJRT_Kind;
typedef void (*PJRT_Done)(void* arg);
typedef struct PJRT_Head { size_t struct_size; struct PJRT_Head* next; } PJRT_Head;
PJRT_DEFINE_STRUCT_TRAITS(PJRT_Head, next);
struct PJRT_Run_Args {
  size_t struct_size;
  PJRT_Head* extension_start;
  const char* const* names;  // in
  PJRT_Kind kind;
  bool is_on;
  union {
    int64_t whole;
    float fraction;
  };
  void (*deleter)(void* object);
  PJRT_Done done;
  int last;
};
PJRT_DEFINE_STRUCT_TRAITS(PJRT_Run_Args, last);
typedef struct PJRT_Api {
  size_t struct_size;
  PJRT_Head head;
  _PJRT_API_STRUCT_FIELD(PJRT_Run);
  PJRT_NO_DISCARD _PJRT_API_STRUCT_FIELD(
      PJRT_Stop);
} PJRT_Api;
`;

it('the layout of structs follows from the header: alignment, unions, callbacks, and the end of the last field', () => {
  const { version, functions, structs, enums } = parsePjrtHeader(HEADER);
  expect(version).toEqual({ major: 0, minor: 7 });
  expect(functions).toEqual({ PJRT_Run: 24, PJRT_Stop: 32 });
  expect(enums).toEqual({ PJRT_Kind: { PJRT_Kind_A: 0, PJRT_Kind_B: 1, PJRT_Kind_D: 5, PJRT_Kind_E: 6 } });
  expect(structs.PJRT_Run_Args).toEqual({
    size: 60,
    stride: 64,
    fields: {
      struct_size: { at: 0, bytes: 8 },
      extension_start: { at: 8, bytes: 8 },
      names: { at: 16, bytes: 8 },
      kind: { at: 24, bytes: 4 },
      is_on: { at: 28, bytes: 1 },
      whole: { at: 32, bytes: 8 },
      fraction: { at: 32, bytes: 4 },
      deleter: { at: 40, bytes: 8 },
      done: { at: 48, bytes: 8 },
      last: { at: 56, bytes: 4 },
    },
  });
});

it('a header with an unknown declaration, and a file that is no header of PJRT, are refused', () => {
  expect(() => parsePjrtHeader('')).toThrow('no struct PJRT_Api');
  expect(() => parsePjrtHeader(HEADER.replace('int last', 'quad last'))).toThrow('does not declare quad');
  expect(() => parsePjrtHeader(HEADER.replace('int last;', '[3];'))).toThrow('unknown to the parser: [3]');
});

// Sizes and offsets that gcc gives for the same header.
it.each([
  ['PJRT_Client_Create_Args', 88, 'client', 64],
  ['PJRT_Client_BufferFromHostBuffer_Args', 120, 'done_with_host_buffer', 104],
  ['PJRT_LoadedExecutable_Execute_Args', 80, 'device_complete_events', 64],
  ['PJRT_ExecuteOptions', 144, 'non_donatable_input_indices', 56],
  ['PJRT_Executable_GetCompiledMemoryStats_Args', 144, 'peak_memory_in_bytes', 104],
  ['PJRT_Device_MemoryStats_Args', 201, 'bytes_limit', 80],
  ['PJRT_Event_IsReady_Args', 25, 'is_ready', 24],
  ['PJRT_NamedValue', 56, 'value_size', 48],
] as const)('the committed table has %s with %i bytes', (name, size, field, at) => {
  const layout = abi.structs[name];
  expect(layout.size).toBe(size);
  expect(layout.fields).toMatchObject({ [field]: { at } });
});

it('the committed table has the functions of PJRT 0.114 at their places', () => {
  expect(abi.version).toEqual({ major: 0, minor: 114 });
  expect(Object.keys(abi.functions)).toHaveLength(138);
  const slots = { Event_Await: 8, Client_Create: 10, LoadedExecutable_Execute: 55, Compile: 89 };
  for (const [name, slot] of Object.entries(slots)) {
    expect(abi.functions).toMatchObject({ [`PJRT_${name}`]: 40 + 8 * slot });
  }
});
