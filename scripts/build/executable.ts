import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { inject } from 'postject';
import { stripSymbols } from './strip-symbols.ts';

/** Node.js looks for this mark in its own binary (nodejs/node:doc/api/single-executable-applications.md). */
const SENTINEL = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const PIECE_BYTES = 16 * 1024;

/**
 * How much garbage the server lets lie about (docs/decisions/0038-memory-of-the-server.md): a young generation of 3 × 8 MB where V8
 * would have 3 × 16, and in the old one three tenths of what is in use, where V8 lets it grow to four times that.
 */
export const SERVER_FLAGS: readonly string[] = ['--max-semi-space-size=8', '--heap-growing-percent=30'];

export interface ExecutableOptions {
  /** Where the file goes. */
  readonly into: string;
  /** An empty directory of the same file system, for what is in the making. */
  readonly scratch: string;
  /** Options of Node.js that the program always runs with. */
  readonly execArgv?: readonly string[];
  /** The `node` that the program is put into; by default the one that this runs on. */
  readonly runtime?: string;
}

/** `script` and a runtime as one file. The same ones give the same bytes. */
export async function makeExecutable(name: string, script: string, options: ExecutableOptions): Promise<void> {
  const { into, scratch, execArgv = [], runtime = process.execPath } = options;
  const blob = await makeBlob(name, script, scratch, { execArgv, codeCache: runtime === process.execPath });
  const target = join(scratch, name);
  await writeFile(target, stripSymbols(await readFile(runtime)));
  await chmod(target, 0o755);
  await quietly(async () => inject(target, 'NODE_SEA_BLOB', blob, { sentinelFuse: SENTINEL }));
  // Again, in small pieces: Linux keeps a file in its page cache in pieces as large as it was written in, and a process
  // that touches one holds all of it (docs/decisions/0005-own-grpc-layer.md).
  const pieces = join(scratch, `${name}.pieces`);
  await pipeline(createReadStream(target, { highWaterMark: PIECE_BYTES }), createWriteStream(pieces, { mode: 0o755 }));
  // Renamed into place, since a running server may have the old one open.
  await rename(pieces, join(into, name));
}

/** A code cache is only good for the Node.js, and the processor, on which it was made. */
async function makeBlob(
  name: string,
  script: string,
  scratch: string,
  { execArgv, codeCache }: { readonly execArgv: readonly string[]; readonly codeCache: boolean },
): Promise<Buffer> {
  // The name of `main` stands in the blob: a path would make every build another one.
  const [main, output, config] = [`${name}.cjs`, `${name}.blob`, `${name}.json`];
  await writeFile(join(scratch, main), script);
  const options = {
    main,
    output,
    disableExperimentalSEAWarning: true,
    // 11 ms of a start (docs/decisions/0005-own-grpc-layer.md).
    useCodeCache: codeCache,
    useSnapshot: false,
    // The launcher's NODE_OPTIONS must not reach the program.
    execArgvExtension: 'none',
    ...(execArgv.length > 0 && { execArgv }),
  };
  await writeFile(join(scratch, config), JSON.stringify(options));
  // V8's code cache holds what depends on a seed: with a seed of our own it is the same in every build. It is only used under the
  // flags under which it was made.
  const args = [...execArgv, '--random-seed=1', '--experimental-sea-config', config];
  await promisify(execFile)(process.execPath, args, { cwd: scratch });
  return readFile(join(scratch, output));
}

/** postject prints warnings about sections that it does not know; they do not matter to the build. */
async function quietly(work: () => Promise<void>): Promise<void> {
  const { log, warn, error } = console;
  console.log = console.warn = console.error = () => undefined;
  try {
    await work();
  } finally {
    Object.assign(console, { log, warn, error });
  }
}
