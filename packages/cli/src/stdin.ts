import type { Ui } from './ui.ts';
import { CofferError } from '@coffer/base';

export interface InputStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  /** Present on a terminal: turns echo off. */
  setRawMode?(mode: boolean): unknown;
}

/** Reads everything up to the end. Only for a command that was asked to: others must not wait for input. */
export async function readAll(stdin: InputStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Asks for a value on the terminal without showing what is typed.
 *
 * @throws CofferError `invalid-request` when stdin is not a terminal, or the user interrupts with Ctrl-C
 */
export async function askHidden(stdin: InputStream, ui: Ui, question: string): Promise<string> {
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) {
    throw new CofferError(
      'invalid-request',
      `cannot ask for ${JSON.stringify(question)}: stdin is not a terminal; pass "-" as the value to read it from stdin`,
    );
  }
  ui.prompt(`${question} (will be hidden): `);
  stdin.setRawMode(true);
  try {
    return await readLine(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    ui.prompt('\n');
  }
}

function readLine(stdin: InputStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = '';
    stdin.on('data', take).on('error', fail).on('end', end);
    stdin.resume();

    function take(chunk: string | Buffer): void {
      for (const key of chunk.toString()) {
        if (key === '\r' || key === '\n' || key === '\u0004') return end();
        if (key === '\u0003') return fail(new CofferError('invalid-request', 'user interrupted'));
        typed = key === '\u007f' || key === '\b' ? typed.slice(0, -1) : typed + key;
      }
    }
    function fail(error: Error): void {
      stopListening();
      reject(error);
    }
    function end(): void {
      stopListening();
      resolve(typed);
    }
    function stopListening(): void {
      stdin.off('data', take).off('error', fail).off('end', end);
    }
  });
}
