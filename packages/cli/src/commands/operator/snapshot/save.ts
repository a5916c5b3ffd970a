import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { readSnapshot, type VerifiedSnapshot } from '@coffer/snapshot';
import { defineCommand } from '../../../command.ts';
import { reporting, serverFailure } from '../../../failure.ts';
import { fileReason } from '../../../file.ts';
import type { OutputStream } from '../../../ui.ts';
import { CofferError } from '@coffer/base';
import { Progress, sizeText } from './progress.ts';
import { snapshotDocument } from './snapshot-file.ts';

/** A file where the shell has redirected it to one, which is no place for a draft beside it. */
const STDOUT = '/dev/stdout';

export const snapshotSave = defineCommand({
  name: 'save',
  synopsis: 'Save a snapshot of the store to a file',
  usage: '[options] FILE',
  description: `
    Saves the entire contents of the store at one moment to a file that only its owner may read. The servers keep
    running. The file appears under its name once it is complete and verified.

    Anything but a regular file, such as /dev/stdout or a pipe, is written to directly. If the command fails, discard that output.`,
  examples: [
    { caption: 'Save a snapshot:', command: 'operator snapshot save coffer.snap' },
    { caption: 'Send it elsewhere:', command: 'operator snapshot save /dev/stdout | ssh backup "cat > coffer.snap"' },
  ],
  flags: {},
  output: ['format'],
  arguments: { min: 1, max: 1 },
  async run({ connect, arguments: [file = ''], io, printer, ui }) {
    const kind = await kindOf(file);
    if (kind === 'other') throw serverFailure(`Error taking the snapshot: ${file} is neither a file nor a pipe`);
    const client = await connect();
    const chunks = await reporting('Error taking the snapshot', client.download('sys/storage/raft/snapshot'));
    const came = new Progress(ui, 'saved').of(chunks);
    const write = kind === 'file' ? writeFile(file, came) : writeStream(file, came, io.stdout);
    const snapshot = await reporting('Error taking the snapshot', write);
    const rows = snapshot.counts.reduce((sum, each) => sum + each.rows, 0);
    const done = `Success! Saved a snapshot to ${file} (${sizeText(snapshot.size)}, ${rows} rows)`;
    // What is written to may be the standard output.
    if (kind === 'stream') ui.warn(done);
    else if (printer.format === 'table') ui.output(done);
    else return printer.data(snapshotDocument(snapshot));
    return 0;
  },
});

async function kindOf(file: string): Promise<'file' | 'stream' | 'other'> {
  if (file === STDOUT) return 'stream';
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || found.isFile()) return 'file';
  return found.isFIFO() || found.isSocket() || found.isCharacterDevice() ? 'stream' : 'other';
}

/** Under another name first: what is half-written, or turns out to be damaged, must not take the place of the snapshot before. */
async function writeFile(file: string, chunks: AsyncIterable<Uint8Array>): Promise<VerifiedSnapshot> {
  const draft = `${file}.partial`;
  try {
    await rm(draft, { force: true });
    const handle = await open(draft, 'wx', 0o600);
    try {
      for await (const chunk of chunks) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const snapshot = await readSnapshot(createReadStream(draft));
    await rename(draft, file);
    return snapshot;
  } catch (thrown) {
    await rm(draft, { force: true });
    throw ofFile(file, thrown);
  }
}

/** Checked as it goes by. The standard output may be a socket, which cannot be opened by a name. */
async function writeStream(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  stdout: OutputStream,
): Promise<VerifiedSnapshot> {
  const handle = file === STDOUT ? undefined : await open(file, 'w').catch((error: unknown) => rejected(file, error));
  const write = (chunk: Uint8Array): Promise<unknown> =>
    handle?.writeFile(chunk) ?? promisify(stdout.write.bind(stdout) as Write)(chunk);
  async function* written(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      await write(chunk).catch((error: unknown) => rejected(file, error));
      yield chunk;
    }
  }
  try {
    return await readSnapshot(written());
  } finally {
    await handle?.close();
  }
}

type Write = (chunk: Uint8Array, done: (error?: Error | null) => void) => void;

function rejected(file: string, thrown: unknown): never {
  throw ofFile(file, thrown);
}

function ofFile(file: string, thrown: unknown): unknown {
  if (!(thrown instanceof Error && 'syscall' in thrown)) return thrown;
  const what = 'path' in thrown ? 'open' : 'write';
  return new CofferError('invalid-request', `${what} ${file}: ${fileReason(thrown)}`, { cause: thrown });
}
