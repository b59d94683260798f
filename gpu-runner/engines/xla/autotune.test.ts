import { expect, it } from 'vitest';
import { joinChoices, splitFields } from './autotune.ts';

const choice = (hlo: string, tile: number, device = 'sm_9.0') => `results {
  device: "${device}"
  hlo: "${hlo}"
  result {
    triton {
      block_m: ${tile}
    }
    run_time {
      nanos: ${tile}
    }
  }
}
`;
const joined = (...texts: string[]) => joinChoices(texts.map(text => Buffer.from(text)))?.toString();

it('splitFields keeps blocks and strings whole', () => {
  const text = 'version: 3\nresults {\n  hlo: "a { \\"b\\" }"\n  nested { x: 1 }\n}\nname: \'}\'\n';
  expect(splitFields(text)).toEqual([
    'version: 3',
    'results {\n  hlo: "a { \\"b\\" }"\n  nested { x: 1 }\n}',
    "name: '}'",
  ]);
  expect(splitFields('a {\n x: 1 }\nb {}\n')).toEqual(['a {\n x: 1 }', 'b {}']);
  expect(() => splitFields('results { hlo: "a"')).toThrow('end within a block');
  expect(() => splitFields('hlo: "a')).toThrow('end within a string');
});

it('joined choices do not depend on the order of the programs', () => {
  const [a, b] = [`version: 3\n${choice('fusion a', 64)}`, `version: 3\n${choice('fusion b', 32)}`];
  expect(joined(a, b)).toBe(joined(b, a));
  expect(joined(a, b)).toBe(`version: 3\n${choice('fusion a', 64)}${choice('fusion b', 32)}`);
  expect(joined(a, a, b, joined(a, b) ?? '')).toBe(joined(a, b));
});

it('of two choices for one kernel the first stands; other devices keep their own', () => {
  const first = `version: 3\n${choice('fusion', 64)}`;
  const text = joined(first, `version: 3\n${choice('fusion', 128)}${choice('fusion', 16, 'sm_8.9')}`);
  expect(text).toBe(`version: 3\n${choice('fusion', 16, 'sm_8.9')}${choice('fusion', 64)}`);
});

it('there are no choices where nothing was measured', () => {
  expect(joined()).toBeUndefined();
  expect(joined('version: 3\n')).toBeUndefined();
});
