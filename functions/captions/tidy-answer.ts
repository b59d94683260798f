/** @file Takes the caption out of the answer of a model: without thoughts, markup, introduction and closing remark. */

/** Also a block that was never opened, since some templates open it before the answer begins. */
const THOUGHTS = /^[\s\S]*<\/(?:think|thinking|thought|reasoning)>|<(think|thinking|thought|reasoning)>[\s\S]*$/gi;
/** Tokens of a template that a server passed on as text. */
const CONTROL = /<\|[^|<>]{1,40}\|>|<\/?(?:s|start_of_turn|end_of_turn|eos|bos)>/;
const FENCE = /^```[a-z]*\n([\s\S]*?)\n?```$/i;
/** "Caption:", "**Description**:" */
const LABEL = /^(?:the\s+)?(?:image |picture |photo )?(?:caption|description|answer|output|prompt)\s*:\s*/i;
/** "Sure! Here is a detailed caption of the image:" */
const OPENING =
  /^(?:(?:sure|sure thing|certainly|of course|okay|ok|absolutely|alright)[.!:,]\s*)?(?:(?:here(?:'s|’s| is| are)|below is|this is|the following is|i(?:'ve| have) written)\b[^.\n]{0,160}?(?:caption|description|paragraph|prompt)[^.:\n]{0,120}:\s*)?/i;
/** "The image shows a man" is "A man". */
const SHOWING =
  /^(?:in (?:the|this) (?:image|picture|photo|photograph),\s*(?:we (?:can )?see\s+)?|(?:the|this) (?:image|picture|photo|photograph|scene) (?:shows|depicts|features|captures|displays|presents|portrays|is of)\s+)/i;
/** "Let me know if you would like another." */
const CLOSING =
  /(?:^|(?<=[.!?]["”']?\s))(?:let me know|would you like|i hope this|feel free|if you (?:would like|want|need)|do you want|\(?word count|\(?\d+ words)[^\n]*$/i;

/** What a model says that thinks aloud before. */
export function withoutThoughts(answer: string): string {
  return answer.replaceAll(THOUGHTS, '').trim();
}

/** The caption in one line; with `problem`, why there is none. */
export type TidyAnswer = { readonly caption: string } | { readonly problem: string };

export function tidyAnswer(answer: string): TidyAnswer {
  const spoken = withoutThoughts(answer.replaceAll('\r\n', '\n'));
  if (spoken === '') return { problem: answer.trim() === '' ? 'empty' : 'thoughts without a caption' };
  if (CONTROL.test(spoken)) return { problem: 'tokens of a chat template in the text' };
  const lines = (FENCE.exec(spoken)?.[1] ?? spoken)
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
  if (lines.filter(line => /^(?:[-*•]|\d+[.)])\s/.test(line)).length > 1) return { problem: 'a list' };
  const plain = lines
    .map(line => line.replace(/^#{1,6}\s+/, '').replaceAll(/\*\*|__|`/g, ''))
    .join(' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const caption = unquote(unquote(plain).replace(OPENING, '').replace(LABEL, '').replace(CLOSING, '').trim());
  if (caption === '') return { problem: 'an introduction without a caption' };
  return { caption: capitalize(caption.replace(SHOWING, '')) };
}

/** Takes off quotation marks around the whole text. */
function unquote(text: string): string {
  const inside = /^["“](.*)["”]$/.exec(text)?.[1];
  return inside === undefined || /["“”]/.test(inside) ? text : inside.trim();
}

function capitalize(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length);
}
