import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import { frameMessage, MessageReader } from './message-frames.ts';

const LIMIT = 200_000;
const bytes = fc.uint8Array({ maxLength: 300 });
const has = (code: grpcStatus, text: RegExp) => (error: unknown) =>
  error instanceof GrpcError && error.code === code && text.test(error.details);

/** `body` in pieces of the sizes given, and the rest in one. */
function* pieces(body: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (const size of sizes) yield body.subarray(at, (at += size));
  yield body.subarray(at);
}

function read(chunks: Iterable<Buffer>): Buffer[] {
  const messages: Buffer[] = [];
  const reader = new MessageReader(LIMIT, (message) => messages.push(message));
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return messages;
}

describe('MessageReader', () => {
  it('gives back what was framed, in whatever pieces it arrives', () => {
    const cuts = fc.array(fc.nat({ max: 40 }));
    fc.assert(
      fc.property(fc.array(bytes), cuts, (messages, sizes) => {
        const body = Buffer.concat(messages.map(frameMessage));
        assert.deepEqual(
          read(pieces(body, sizes)),
          messages.map((message) => Buffer.from(message)),
        );
      }),
    );
  });
  it('gives back large messages, up to the limit', () => {
    const message = Buffer.alloc(LIMIT, 'abc');
    const body = Buffer.concat([frameMessage(message), frameMessage(Buffer.from('next'))]);
    for (const size of [1, 16_384, 65_536, LIMIT]) {
      const sizes = Array<number>(Math.floor(body.length / size)).fill(size);
      assert.deepEqual(read(pieces(body, sizes)), [message, Buffer.from('next')]);
    }
  });
  it('refuses a message over the limit by its prefix alone', () => {
    const body = frameMessage(Buffer.alloc(LIMIT + 1)).subarray(0, 5);
    assert.throws(() => read([body]), has(grpcStatus.RESOURCE_EXHAUSTED, /200001 vs\. 200000/));
    assert.throws(() => read([Buffer.from([0, 255, 255, 255, 255])]), has(grpcStatus.RESOURCE_EXHAUSTED, /larger/));
  });
  it('refuses compressed messages', () => {
    assert.throws(() => read([Buffer.from([1, 0, 0, 0, 0])]), has(grpcStatus.INTERNAL, /compressed/));
  });
  it('notices every truncation', () => {
    const body = Buffer.concat([frameMessage(Buffer.from('one')), frameMessage(Buffer.from('two'))]);
    for (let end = 0; end <= body.length; end++) {
      const whole = end % 8 === 0;
      const attempt = () => read([body.subarray(0, end)]);
      if (whole) assert.equal(attempt().length, end / 8);
      else assert.throws(attempt, has(grpcStatus.INTERNAL, /in the middle of a message/), String(end));
    }
  });
});
