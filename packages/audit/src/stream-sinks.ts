import { write } from 'node:fs';
import { promisify } from 'node:util';
import { writeSome } from './file-sink.ts';
import type { Sink } from './line-queue.ts';

const writeTo = promisify(write);

/** Standard output, by its descriptor: `process.stdout` writes to pipes and files on the event loop. */
export const stdoutSink: Sink = {
  async write(bytes, signal) {
    const toStdout = async (part: Buffer) => writeTo(1, part);
    for (let at = 0; at < bytes.length; ) at += await writeSome(toStdout, bytes.subarray(at), signal);
  },
  reset: () => Promise.resolve(),
};

/** Takes everything and keeps nothing. */
export const discardSink: Sink = { write: () => Promise.resolve(), reset: () => Promise.resolve() };
