/** @file Reads server-sent events (WHATWG HTML, section 9.2): bytes -> messages. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';

export interface ServerSentEvent {
  readonly id?: string;
  /** Absent: `message`. */
  readonly event?: string;
  readonly data: string;
}

/**
 * Yields the messages of one connection. Drops a message that is cut off at the end, as the standard says. Calls
 * `onBytes` for every chunk, including comments: a sign of life.
 */
export async function* readServerSentEvents(
  body: AsyncIterable<Uint8Array>,
  onBytes: () => void = () => {},
): AsyncGenerator<ServerSentEvent> {
  let ready: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: message => ready.push(message) });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    onBytes();
    parser.feed(decoder.decode(chunk, { stream: true }));
    const messages = ready;
    ready = [];
    for (const { id, event, data } of messages) {
      yield { ...(id === undefined ? {} : { id }), ...(event === undefined ? {} : { event }), data };
    }
  }
}
