/** @file Words for a POSIX shell. */

/** One word, whatever it holds. */
export function quoteWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Lines that `eval` makes variables of. */
function formatExports(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quoteWord(value)}`)
    .join('\n');
}

/** What a shell needs for S3 tools: these variables, the region by the name that version 1 of the AWS command line reads too, and none that overrule them. */
export function formatS3Exports(variables: Readonly<Record<string, string>> & { readonly AWS_REGION: string }): string {
  return `unset AWS_SESSION_TOKEN AWS_PROFILE\n${formatExports({ ...variables, AWS_DEFAULT_REGION: variables.AWS_REGION })}`;
}
