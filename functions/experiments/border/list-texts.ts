/** Captions or prompts as a numbered list of Markdown. Their characters show as they are. */
export function listTexts(texts: readonly string[]): string {
  return texts.map((text, i) => `${i + 1}. ${escapeMarkdown(text.replace(/\s+/g, ' ').trim())}`).join('\n');
}

/** Backslash escapes of CommonMark 2.4. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#+!|~&]/g, '\\$&');
}
