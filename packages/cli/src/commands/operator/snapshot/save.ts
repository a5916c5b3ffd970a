import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { readSnapshot } from '@coffer/snapshot';
import { defineCommand } from '../../../command.ts';
import { reporting } from '../../../failure.ts';
import { fileReason } from '../../../file.ts';
import { CofferError } from '@coffer/base';
import { Progress, sizeText } from './progress.ts';

export const snapshotSave = defineCommand({
  name: 'save',
  synopsis: 'Save a snapshot of the store into a file',
  usage: '[options] FILE',
  description: `
    Saves a snapshot of everything that is in the store, as it is at one moment, into a file that only its owner may read. The servers
    go on meanwhile. The file gets its name once all of it has come and was checked.`,
  examples: [{ caption: 'Save a snapshot:', command: 'operator snapshot save coffer.snap' }],
  flags: {},
  arguments: { min: 1, max: 1 },
  async run({ connect, arguments: [file = ''], ui }) {
    const client = await connect();
    const chunks = await reporting('Error taking the snapshot', client.download('sys/storage/raft/snapshot'));
    const progress = new Progress(ui, 'saved');
    await reporting('Error taking the snapshot', write(file, progress.of(chunks)));
    const { counts, size } = await lastSaved(file);
    ui.output(`Success! Saved a snapshot to ${file} (${sizeText(size)}, ${counts} rows)`);
    return 0;
  },
});

async function lastSaved(file: string): Promise<{ readonly counts: number; readonly size: number }> {
  const { counts, size } = await reporting('Error taking the snapshot', readSnapshot(createReadStream(file)));
  return { counts: counts.reduce((sum, { rows }) => sum + rows, 0), size };
}

/** Under another name first: what is half-written, or turns out to be damaged, must not take the place of the snapshot before. */
async function write(file: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const draft = `${file}.partial`;
  const isPlain = await stat(file).then(
    (found) => found.isFile(),
    () => true,
  );
  if (!isPlain) throw new CofferError('invalid-request', `${file} is no plain file`);
  try {
    await rm(draft, { force: true });
    const handle = await open(draft, 'wx', 0o600);
    try {
      for await (const chunk of chunks) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await readSnapshot(createReadStream(draft));
    await rename(draft, file);
  } catch (thrown) {
    await rm(draft, { force: true });
    if (thrown instanceof Error && 'syscall' in thrown && 'path' in thrown) {
      throw new CofferError('invalid-request', `open ${file}: ${fileReason(thrown)}`, { cause: thrown });
    }
    throw thrown;
  }
}
