/** @file How a command fails: it prints what was wrong, what was expected and what to do, and exits with code 1. */
import type { ArgsDef, CommandContext } from 'citty';
import { plainText } from '../configs/plain-text.ts';
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
      refuseUnknown(Object.keys(context.args), await known(context.cmd.args));
      await run(context);
    } catch (error) {
      console.error(describeError(error));
      // A command that was interrupted has set its own.
      process.exitCode ??= 1;
    }
  };
}

async function known(args: CommandContext['cmd']['args']): Promise<ReadonlySet<string>> {
  const defined = typeof args === 'function' ? await args() : await args;
  const names = Object.entries(defined ?? {}).flatMap(([name, arg]) => [
    name,
    ...('alias' in arg && arg.alias !== undefined ? [arg.alias].flat() : []),
  ]);
  const camel = (name: string) => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return new Set(['_', ...names, ...names.map(camel)]);
}

function refuseUnknown(given: readonly string[], names: ReadonlySet<string>): void {
  const unknown = given.filter(name => !names.has(name));
  if (unknown.length === 0) return;
  const list = (items: readonly string[]) => items.map(name => `${name.length > 1 ? '--' : '-'}${name}`).join(', ');
  throw new InvalidInput(`this command has no option ${list(unknown)}`, {
    expected: list([...names].filter(name => name !== '_')),
    hint: 'see `easel <command> --help`',
  });
}
