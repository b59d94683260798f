import { expect, test } from 'vitest';
import { tidyAnswer } from './tidy-answer.ts';

const MAN = 'A man in a grey coat stands at a bus stop.';

test.each([
  ['a plain caption', MAN],
  ['white space and several paragraphs', `\n  A man in a grey coat\r\n\r\nstands   at a bus stop.\n`],
  ['thoughts before the answer', `<think>The user wants\na caption.</think>\n\n${MAN}`],
  ['thoughts whose opening tag the template swallowed', `The user wants a caption.\n</think>\n${MAN}`],
  ['thoughts twice', `<thinking>One.</thinking><think>Two.</think>${MAN}`],
  ['thoughts after the answer', `${MAN} <think>Is that all?`],
  ['an introduction', `Here is a detailed description of the image:\n\n${MAN}`],
  ['a polite introduction', `Sure! Here's the caption for the picture you sent:\n${MAN}`],
  ['a label in bold', `**Caption:** ${MAN}`],
  ['quotation marks around it', `"${MAN}"`],
  ['a fence', `\`\`\`text\n${MAN}\n\`\`\``],
  ['a heading and bold words', `# Caption:\n**A man** in a grey coat stands at a bus stop.`],
  ['"the image shows"', `The image shows a man in a grey coat stands at a bus stop.`],
  ['"in this photo, we can see"', `In this photo, we can see a man in a grey coat stands at a bus stop.`],
  ['a closing offer', `${MAN} Let me know if you would like a shorter one!`],
  ['a closing count', `${MAN}\n\n(Word count: 10)`],
])('from an answer with %s, the caption alone is taken', (_, answer) => {
  expect(tidyAnswer(answer)).toEqual({ caption: MAN });
});

test.each([
  'Sure-footed goats climb a wall of rock, one behind the other.',
  'A sign with the words "Let me in" hangs over the door: red letters on white.',
  'A chalkboard, on which "Here is the menu" is written, leans against a wall.',
  '"OPEN" glows in red above a door with the word "BAR".',
  'Two photographs of a woman lie on a table; the picture on the left shows her smiling.',
])('a caption that looks like a remark stays as it is: %s', caption => {
  expect(tidyAnswer(caption)).toEqual({ caption });
});

test.each([
  ['', 'empty'],
  [' \n ', 'empty'],
  ['<think>What do I see? A man.', 'thoughts without a caption'],
  ['<think>A man.</think>\n', 'thoughts without a caption'],
  ['Here is a description of the image:', 'an introduction without a caption'],
  ['- a man\n- a coat\n- a bus stop', 'a list'],
  ['1. A man.\n2. A coat.', 'a list'],
  ['<|im_start|>assistant A man.', 'tokens of a chat template in the text'],
  ['A man.<end_of_turn>', 'tokens of a chat template in the text'],
])('the answer %j is refused: %s', (answer, problem) => {
  expect(tidyAnswer(answer)).toEqual({ problem });
});
