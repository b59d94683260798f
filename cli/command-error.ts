/** @file How a command fails: it prints what was wrong, what was expected and what to do, and exits with code 1. */
import type { ArgsDef, CommandContext } from 'citty';
import { plainText } from '../configs/plain-text.ts';
import { nearestName } from '../configs/suggest.ts';
import { AppError, InvalidInput } from '../errors.ts';
import { listIssues } from '../formats/problem.ts';

/** Lines for stderr. They may hold names of files, which could command the terminal. */
export function describeError(error: unknown): string {
  return plainText(tellError(error));
}

/** An error that is not an AppError is a defect, and shows its stack. */
function tellError(error: unknown): string {
  if (!(error instanceof AppError))
    return `easel: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  const issues = listIssues(error.details.issues);
  return [
    `easel: ${error.message}`,
    // Several are easier to read one by one; a single one may be what the message ends with.
    ...issues
      .filter(({ detail }) => issues.length > 1 || !error.message.endsWith(detail))
      .map(({ pointer, detail }) => `  ${pointer === '' ? '(the body)' : pointer}: ${detail}`),
    ...(error.expected === undefined ? [] : [`  expected: ${error.expected}`]),
    ...(error.hint === undefined ? [] : [`  hint: ${error.hint}`]),
  ].join('\n');
}

/**
 * Wraps a command's `run`: refuses unknown options, prints errors and sets exit code 1. citty alone would dump the
 * error object.
 */
export function reportErrors<T extends ArgsDef>(
  run: (context: CommandContext<T>) => Promise<void>,
): (context: CommandContext<T>) => Promise<void> {
  return async context => {
    try {
      refuseUnknown(Object.keys(context.args), await listKnown(context.cmd.args));
      await run(context);
    } catch (error) {
      console.error(describeError(error));
      // A command that was interrupted has set its own.
      process.exitCode ??= 1;
    }
  };
}

interface Known {
  /** Names and short names of the options. */
  readonly options: readonly string[];
  /** Those of the words that a command takes without an option. */
  readonly words: readonly string[];
}

async function listKnown(args: CommandContext['cmd']['args']): Promise<Known> {
  const defined = Object.entries((typeof args === 'function' ? await args() : await args) ?? {});
  return {
    options: defined
      .filter(([, arg]) => arg.type !== 'positional')
      .flatMap(([name, arg]) => [name, ...('alias' in arg && arg.alias !== undefined ? [arg.alias].flat() : [])]),
    words: defined.filter(([, arg]) => arg.type === 'positional').map(([name]) => name),
  };
}

function refuseUnknown(given: readonly string[], { options, words }: Known): void {
  const camel = (name: string) => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const names = new Set(['_', ...[...options, ...words].flatMap(name => [name, camel(name)])]);
  const unknown = given.filter(name => !names.has(name));
  if (unknown.length === 0) return;
  const dashed = (name: string) => `${name.length > 1 ? '--' : '-'}${name}`;
  const nearest = unknown.length === 1 ? nearestName(unknown[0] ?? '', options) : undefined;
  throw new InvalidInput(`this command has no option ${unknown.map(dashed).join(', ')}`, {
    expected: options.map(dashed).join(', '),
    hint: nearest === undefined ? 'see `easel <command> --help`' : `did you mean ${dashed(nearest)}?`,
  });
}
