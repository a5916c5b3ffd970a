import { GrpcError, grpcStatus } from './grpc-error.ts';

/** A flag byte and the length in four bytes come before every message (grpc/grpc:doc/PROTOCOL-HTTP2.md). */
const PREFIX_BYTES = 5;
/** The buffer of a message grows with what arrives: a length in a prefix costs its sender nothing. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/** One message as it stands in the body of a call, uncompressed. */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** Takes the body of a call in whatever pieces it arrives and hands out its messages. */
export class MessageReader {
  readonly #limitBytes: number;
  readonly #take: (message: Buffer) => void;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixFilled = 0;
  /** The message under way; undefined while its prefix is. */
  #message: Buffer | undefined;
  #filled = 0;
  #length = 0;

  /** `take` gets each message as soon as it is complete. */
  constructor(limitBytes: number, take: (message: Buffer) => void) {
    this.#limitBytes = limitBytes;
    this.#take = take;
  }

  /** @throws GrpcError RESOURCE_EXHAUSTED for a message over the limit, INTERNAL for one that is compressed */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      const whole = this.#wholeMessage(rest);
      if (whole !== undefined) {
        rest = rest.subarray(PREFIX_BYTES + whole.length);
        this.#take(whole);
        continue;
      }
      rest = this.#message === undefined ? this.#pushPrefix(rest) : this.#pushMessage(this.#message, rest);
    }
  }

  /** Called when the body has ended. @throws GrpcError INTERNAL in the middle of a message */
  end(): void {
    if (this.#message !== undefined || this.#prefixFilled > 0) {
      throw new GrpcError(grpcStatus.INTERNAL, 'the body of the call ends in the middle of a message');
    }
  }

  /** The message that `chunk` begins with, when it is complete, as it usually is: nothing is copied then. */
  #wholeMessage(chunk: Buffer): Buffer | undefined {
    const between = this.#message === undefined && this.#prefixFilled === 0;
    if (!between || chunk.length < PREFIX_BYTES || chunk[0] !== 0) return undefined;
    const length = chunk.readUInt32BE(1);
    if (length > this.#limitBytes || chunk.length < PREFIX_BYTES + length) return undefined;
    return chunk.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
  }

  #pushPrefix(chunk: Buffer): Buffer {
    const copied = chunk.copy(this.#prefix, this.#prefixFilled);
    this.#prefixFilled += copied;
    if (this.#prefixFilled === PREFIX_BYTES) this.#begin(this.#prefix.readUInt8(0), this.#prefix.readUInt32BE(1));
    return chunk.subarray(copied);
  }

  #begin(flag: number, length: number): void {
    if (flag !== 0) throw new GrpcError(grpcStatus.INTERNAL, `a message has the flag ${flag}; none may be compressed`);
    if (length > this.#limitBytes) {
      const text = `received message larger than max (${length} vs. ${this.#limitBytes})`;
      throw new GrpcError(grpcStatus.RESOURCE_EXHAUSTED, text);
    }
    this.#length = length;
    this.#message = Buffer.allocUnsafe(Math.min(length, FIRST_BUFFER_BYTES));
    if (length === 0) this.#finish(this.#message);
  }

  #pushMessage(message: Buffer, chunk: Buffer): Buffer {
    const needed = Math.min(this.#length, this.#filled + chunk.length);
    const buffer = needed <= message.length ? message : grown(message, this.#filled, needed, this.#length);
    this.#message = buffer;
    const copied = chunk.copy(buffer, this.#filled, 0, this.#length - this.#filled);
    this.#filled += copied;
    if (this.#filled === this.#length) this.#finish(buffer);
    return chunk.subarray(copied);
  }

  #finish(message: Buffer): void {
    this.#message = undefined;
    this.#prefixFilled = 0;
    this.#filled = 0;
    this.#take(message);
  }
}

/** A larger copy: at least twice as large, so that many small pieces do not copy again and again. */
function grown(buffer: Buffer, filled: number, needed: number, most: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(most, Math.max(needed, buffer.length * 2)));
  buffer.copy(larger, 0, 0, filled);
  return larger;
}
