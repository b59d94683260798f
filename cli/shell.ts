/** @file Words for a POSIX shell. */

/** Quotes `text` as one word, if it needs quotes. */
export function quoteWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Lines for `eval` that export variables. */
function formatExports(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quoteWord(value)}`)
    .join('\n');
}

/**
 * Lines for `eval` that set up S3 tools. They also set AWS_DEFAULT_REGION, which version 1 of the AWS command line
 * reads, and unset the variables that would overrule the keys.
 */
export function formatS3Exports(variables: Readonly<Record<string, string>> & { readonly AWS_REGION: string }): string {
  return `unset AWS_SESSION_TOKEN AWS_PROFILE\n${formatExports({ ...variables, AWS_DEFAULT_REGION: variables.AWS_REGION })}`;
}
