/** A call ends the same way in whatever order Node.js tells of the parts of its answer. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { describe, it } from 'node:test';
import { callStream } from './client-call.ts';
import { CONTENT_TYPE } from './grpc-headers.ts';
import { frameMessage } from './message-frames.ts';

const ANSWER = { ':status': 200, 'content-type': CONTENT_TYPE };
const OK = { 'grpc-status': '0' };
const [headers, body, status] = [
  ['response', ANSWER],
  ['data', frameMessage(Buffer.from('answer'))],
  ['trailers', OK],
] as const;

describe('an answer', () => {
  /** What is taken of a stream that tells of these parts, and then of its end. */
  const takenOf = async (parts: readonly (readonly [string, unknown])[]): Promise<string[]> => {
    const stream = Object.assign(new EventEmitter(), { end: () => undefined, close: () => undefined, rstCode: 0 });
    const session = { request: () => stream, destroyed: false, connecting: false } as unknown as ClientHttp2Session;
    const taken: string[] = [];
    const call = callStream(session, '/a/B', Buffer.alloc(0), (message) => taken.push(message.toString()), {});
    for (const [name, value] of parts) stream.emit(name, value);
    stream.emit('end');
    await call;
    return taken;
  };

  it('is taken when its body is told of before its headers, as when much arrives at once, and after them', async () => {
    assert.deepEqual(await takenOf([headers, body, status]), ['answer']);
    assert.deepEqual(await takenOf([body, headers, status]), ['answer']);
    const [first, second] = [body[1].subarray(0, 3), body[1].subarray(3)];
    for (const parts of [
      [['data', first], ['data', second], headers, status],
      [['data', first], headers, ['data', second], status],
    ] as const) {
      assert.deepEqual(await takenOf(parts), ['answer']);
    }
  });

  it('that is not of gRPC has no messages, whatever comes first', async () => {
    const page = ['response', { ...ANSWER, 'content-type': 'text/html' }] as const;
    assert.deepEqual(await takenOf([body, page, status]), []);
    assert.deepEqual(await takenOf([page, body, status]), []);
  });
});
