/** @file A page about something in the store, without scripts and outside resources: it works wherever it is copied. */
import { html, raw } from 'hono/html';
import { plainText } from '../../configs/plain-text.ts';

export type Html = ReturnType<typeof html>;

export interface PageContent {
  /** What the page is about, in a word. */
  readonly kind: string;
  readonly title: string;
  /** CSS. */
  readonly style: string;
  readonly body: Html;
}

/** Equal arguments give equal bytes. */
export async function renderPage({ kind, title, style, body }: PageContent): Promise<string> {
  // Names and captions may turn the direction of what comes after them.
  return plainText(
    String(
      await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${raw(style)}</style>
</head>
<body>
<header>
<p class="kind">${kind}</p>
<h1>${title}</h1>
</header>
${body}
</body>
</html>
`,
    ),
  );
}
