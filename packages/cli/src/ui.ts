/**
 * What goes where.
 *
 * - stdout: what was asked for. Data, lists, "Success!" lines, and help that was asked for with -help.
 * - stderr: everything about it. Errors, warnings from the server, prompts, hints, and help that nobody asked for.
 * - JSON, YAML and raw output stand alone on stdout, so that it can be piped; warnings are part of the document then.
 * - Every text ends with one newline, except a single field when stdout is not a terminal.
 * - No colour, no progress but of what may take minutes (a line each two seconds, to stderr), and no secret anywhere but in the data that was asked for.
 */
import type { Writable } from 'node:stream';

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
}

export interface Ui {
  /** The data asked for, to stdout, with a newline. */
  readonly output: (text: string) => void;
  /** One bare value to stdout: a newline only for a terminal. */
  readonly value: (text: string) => void;
  /** To stderr, with a newline: what is worth knowing while the command goes on. */
  readonly warn: (text: string) => void;
  /** To stderr, with a newline: why the command ends. */
  readonly error: (text: string) => void;
  /** To stderr, without a newline: a question. */
  readonly prompt: (text: string) => void;
  /** Waits until everything is written; false when some of it could not be (a closed pipe does not count). */
  readonly flush: () => Promise<boolean>;
}

const guarded = new WeakSet<Writable>();

export function createUi(stdout: OutputStream, stderr: OutputStream): Ui {
  for (const stream of [stdout, stderr]) guard(stream);
  const pending: Promise<boolean>[] = [];
  const write = (stream: OutputStream, text: string) => {
    pending.push(
      new Promise((resolve) => {
        stream.write(text, (error) => resolve(error == null || isClosedPipe(error)));
      }),
    );
  };
  return {
    output: (text) => write(stdout, `${text}\n`),
    value: (text) => write(stdout, stdout.isTTY === true ? `${text}\n` : text),
    warn: (text) => write(stderr, `${text}\n`),
    error: (text) => write(stderr, `${text}\n`),
    prompt: (text) => write(stderr, text),
    flush: async () => (await Promise.all(pending)).every(Boolean),
  };
}

/** The callback of a write reports its error; without a listener the same error would also end the process. */
function guard(stream: Writable): void {
  if (guarded.has(stream)) return;
  guarded.add(stream);
  stream.on('error', () => undefined);
}

function isClosedPipe(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE';
}
