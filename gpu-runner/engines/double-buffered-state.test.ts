import { describe, expect, it } from 'vitest';
import { emptyTensor, type Tensor, tensorOf } from '../compiler/tensor.ts';
import { DoubleBufferedState } from './double-buffered-state.ts';

/** A view whose release is counted. */
interface CountedView {
  readonly tensor: Tensor;
}

function openState() {
  const live = new Set<CountedView>();
  const view = (tensor: Tensor): CountedView => {
    const made = { tensor };
    live.add(made);
    return made;
  };
  const state = new DoubleBufferedState<CountedView>({
    create: view,
    read: async slots => Object.fromEntries([...slots].map(([name, { front }]) => [name, front.tensor])),
    release: each => {
      if (!live.delete(each)) throw new Error('released twice');
    },
  });
  return { state, live, view };
}

const spec = { shape: [2], dtype: 'f32' } as const;

describe('DoubleBufferedState', () => {
  it('keeps copies of tensors and releases those that it replaces', async () => {
    const { state, live } = openState();
    const given = tensorOf([2], [1, 2]);
    state.set({ w: given });
    given.data[0] = 9;
    expect((await state.read()).w?.data).toEqual(Float32Array.of(1, 2));
    state.set({ w: tensorOf([3], [1, 2, 3]) });
    expect(live.size).toBe(1);
    expect(state.names).toEqual(['w']);
  });

  it('alternates between two views of a tensor', () => {
    const { state, live, view } = openState();
    state.set({ w: tensorOf([2], [1, 2]) });
    const [first, second] = [state.front('w', spec), view(emptyTensor(spec))];
    expect(state.back('w', spec)).toBeUndefined();
    state.swap('w', spec, second);
    expect([state.front('w', spec), state.back('w', spec)]).toEqual([second, first]);
    state.swap('w', spec, first);
    expect([state.front('w', spec), state.back('w', spec)]).toEqual([first, second]);
    expect(live.size).toBe(2);
  });

  it('takes views that a run made: for a new tensor, as the back view, and for another shape', () => {
    const { state, live, view } = openState();
    for (let i = 0; i < 3; i++) state.swap('w', spec, view(emptyTensor(spec)));
    expect(live.size).toBe(2);
    const other = { shape: [5], dtype: 'f32' } as const;
    expect(state.back('w', other)).toBeUndefined();
    state.swap('w', other, view(emptyTensor(other)));
    expect(live.size).toBe(1);
    expect(() => state.front('w', spec)).toThrow('state "w" is f32[5], expected f32[2]');
  });

  it('moves both views of a tensor to another name, and releases them when there is none', () => {
    const { state, live, view } = openState();
    state.set({ w: tensorOf([2], [1, 2]) });
    state.swap('w', spec, view(emptyTensor(spec)));
    const front = state.front('w', spec);
    state.move('w', 'v');
    expect(state.front('v', spec)).toBe(front);
    expect(() => state.front('w', spec)).toThrow('w');
    state.move('v');
    expect([live.size, state.names]).toEqual([0, []]);
    expect(() => state.move('v', 'w')).toThrow('there is no state named "v"');
  });

  it('releases all views on dispose', () => {
    const { state, live, view } = openState();
    state.set({ a: tensorOf([2], [1, 2]), b: tensorOf([2], [3, 4]) });
    state.swap('a', spec, view(emptyTensor(spec)));
    expect(live.size).toBe(3);
    state.dispose();
    state.dispose();
    expect(live.size).toBe(0);
  });

  it('an error names the missing tensor', async () => {
    const { state } = openState();
    await expect(state.read(['x'])).rejects.toThrow('there is no state named "x"');
    expect(() => state.front('x', spec)).toThrow('state "x" (f32[2]) was not given');
  });
});
