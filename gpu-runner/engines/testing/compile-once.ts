import type { Engine, Executable } from '../../compiler/engine.ts';
import type { Graph } from '../../compiler/graph.ts';
import { hashGraph } from '../../compiler/print.ts';

/** The engine, which compiles equal graphs once, however often they are asked for. It disposes of no program. */
export function compileOnce(engine: Engine): Engine {
  const known = new Map<string, Promise<Executable>>();
  return {
    ...engine,
    async compile(graph) {
      const key = `${hashGraph(graph)} ${JSON.stringify(namesOf(graph))}`;
      const compiled = known.get(key) ?? engine.compile(graph);
      known.set(key, compiled);
      const { peakBytes, run } = await compiled;
      return { peakBytes, run: run.bind(await compiled), dispose: async () => {} };
    },
  };
}

/** Names of inputs, state and outputs, which a hash of the operations leaves out. */
function namesOf({ nodes, writes, outputs }: Graph) {
  const read = nodes.flatMap(node => (node.op === 'input' || node.op === 'state' ? [node.attrs.name] : []));
  return [read, Object.keys(writes), Object.keys(outputs)];
}
