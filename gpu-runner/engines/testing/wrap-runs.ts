import type { Engine, Executable } from '../../compiler/engine.ts';

type Run = Executable['run'];

/** The engine with other runs: `wrap` is given the run of each program, and returns the one that takes its place. */
export function wrapRuns(engine: Engine, wrap: (run: Run) => Run): Engine {
  return {
    ...engine,
    async compile(graph) {
      const executable = await engine.compile(graph);
      return {
        peakBytes: executable.peakBytes,
        dispose: () => executable.dispose(),
        run: wrap((state, inputs) => executable.run(state, inputs)),
      };
    },
  };
}
