/** @file A call: a function and its parsed body, under the digest that equal calls share. */
import { nearestName } from '../../configs/suggest.ts';
import { BlobMissing, NotFound } from '../../errors.ts';
import { canonicalDigest, type Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Action } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { AnyFunction, EffectFunction, PageFunction, PureFunction, Tools } from '../define.ts';
import type { NameResolver } from './names.ts';
import { type ParsedCall, parseCall } from './parse-call.ts';

interface CallParts {
  readonly parsed: ParsedCall;
  /** Digest of the action; for an effect, of its name, version and key. */
  readonly digest: Digest;
}

export interface ActionCall extends CallParts {
  readonly fn: PureFunction | PageFunction;
  readonly action: Action;
}

export interface EffectCall extends CallParts {
  readonly fn: EffectFunction;
  readonly action?: undefined;
}

export type Call = ActionCall | EffectCall;

export interface CallReader {
  /** Resolves names in the body, and checks the inputs of an effect. @throws NotFound, InvalidInput, BlobMissing */
  read(functionName: string, body: Json): Promise<Call>;
  /**
   * Called before work, which needs the blobs of its inputs; a hit does not need them.
   * @throws NotFound if the caller gave a digest that is not stored, BlobMissing if the caller gave a name.
   */
  checkInputs(parsed: ParsedCall): Promise<void>;
}

/** @throws NotFound with the known names */
export function findFunction(functions: ReadonlyMap<string, AnyFunction>, name: string): AnyFunction {
  const fn = functions.get(name);
  if (fn) return fn;
  const nearest = nearestName(name, [...functions.keys()]);
  throw new NotFound(`there is no function "${name.slice(0, 100)}"`, {
    expected: `one of ${[...functions.keys()].join(', ')}`,
    ...(nearest !== undefined && { hint: `did you mean ${nearest}?` }),
  });
}

export function createCallReader(
  functions: ReadonlyMap<string, AnyFunction>,
  names: NameResolver,
  blobs: BlobStore,
): CallReader {
  async function checkInputs({ inputs, resolved }: ParsedCall): Promise<void> {
    for (const [key, digest] of Object.entries(inputs)) {
      if ((await blobs.keep(digest)) !== undefined) continue;
      // A blob behind a name was stored and is lost. It can be made again; see heal.ts.
      const Missing = key in resolved ? BlobMissing : NotFound;
      throw new Missing(`${key}: there is no blob ${digest}`, {
        expected: 'the digest of a stored blob, or a name',
        hint: 'PUT it to /objects, or repeat the call that made it',
        details: { key, digest },
      });
    }
  }

  return {
    async read(functionName, body) {
      const fn = findFunction(functions, functionName);
      const parsed = await parseCall(fn, body, names.resolve);
      if (fn.kind === 'effect') {
        await checkInputs(parsed);
        return { fn, parsed, digest: effectDigest(fn, parsed.input) };
      }
      const action = actionOf(fn, parsed);
      return { fn, parsed, action, digest: canonicalDigest(action) };
    },
    checkInputs,
  };
}

/** `GET /runs/<digest>` finds the runs of an effect under the digest of its name, version and the key of its input. */
export function effectDigest(fn: EffectFunction, input: Readonly<Record<string, unknown>>): Digest {
  return canonicalDigest({ v: 1, effect: fn.name, version: fn.version, key: fn.key(input) });
}

function actionOf(fn: PureFunction | PageFunction, { input, params, inputs, engine }: ParsedCall): Action {
  const tools = toolsOf(fn, input);
  return {
    v: 1,
    function: fn.name,
    version: fn.version,
    params,
    inputs: { ...inputs },
    ...(tools && { tools: { ...tools } }),
    ...(engine && { engine }),
  };
}

/** A page function is asked without its dataset, as when it runs. */
export function toolsOf(
  { tools }: PureFunction | PageFunction,
  { dataset: _, ...input }: Readonly<Record<string, unknown>>,
): Tools | undefined {
  return typeof tools === 'function' ? tools(input) : tools;
}
