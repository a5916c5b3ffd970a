import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { CofferError } from '@coffer/base';
import { DATABASE_COOKIE } from '@coffer/engine-database';

/** Large enough that the calls do not count, small enough that a program of 110 MB passes through little memory. */
const PIECE_BYTES = 1024 * 1024;

/** ELF, PE, and Mach-O of 32 and 64 bits in both byte orders or for several processors. */
const PROGRAMS = ['7f454c46', '4d5a', 'feedface', 'feedfacf', 'cefaedfe', 'cffaedfe', 'cafebabe', 'cafebabf'];

/** What the host's cookie is called, and what it is: who checks it holds both as they are (hashicorp/go-plugin:server.go, Serve). */
const COOKIE = [DATABASE_COOKIE.key, DATABASE_COOKIE.value];

/**
 * Whether a file is a candidate for a database plugin: a program that holds the cookie of database plugins, or a script, which may
 * start such a program. It is read once, for this and for its checksum.
 *
 * @returns the SHA-256 in hexadecimal; undefined for what nobody means to be run
 * @throws CofferError `failed` that says why it cannot be one
 */
export async function examineCandidate(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const found = await handle.stat();
    const kind = await kindOf(handle);
    const isExecutable = process.platform === 'win32' || (found.mode & 0o111) !== 0;
    if (kind === undefined) {
      if (!isExecutable) return undefined;
      throw new CofferError('failed', 'neither a program nor a script that starts with #!');
    }
    const own = await stat(process.execPath);
    if (found.dev === own.dev && found.ino === own.ino) throw ownExecutable();
    const { sha256, hasCookie } = await read(handle);
    if (!isExecutable) {
      if (!hasCookie) return undefined;
      throw new CofferError('failed', 'not executable: use "chmod +x"');
    }
    if (kind === 'program' && !hasCookie) {
      throw new CofferError(
        'failed',
        `not a database plugin: it does not contain ${DATABASE_COOKIE.key}, which every database plugin checks`,
      );
    }
    if (kind === 'program' && !(await mayRunHere(handle))) {
      throw new CofferError('failed', 'a program for another processor or operating system');
    }
    if (found.size === own.size && sha256 === (await checksum(process.execPath))) throw ownExecutable();
    return sha256;
  } finally {
    await handle.close();
  }
}

function ownExecutable(): CofferError {
  return new CofferError('failed', "the server's own executable");
}

async function kindOf(handle: FileHandle): Promise<'program' | 'script' | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  const magic = buffer.toString('hex', 0, bytesRead);
  if (magic.startsWith('2321')) return 'script';
  return PROGRAMS.some((begin) => magic.startsWith(begin)) ? 'program' : undefined;
}

/** How an ELF file begins: class, byte order and, after the type, the machine (elf(5)). */
const ELF_BYTES = 20;
const I386 = 3;
const X86_64 = 62;

/** Whether a program is for the system and processor of this process, or the 32 bits of it, as far as its head tells. */
async function mayRunHere(handle: FileHandle): Promise<boolean> {
  const own = await open(process.execPath);
  try {
    const [theirs, ours] = await Promise.all([head(handle), head(own)]);
    const isElf = (bytes: Buffer): boolean => bytes.toString('hex', 0, 4) === PROGRAMS[0];
    if (isElf(theirs) !== isElf(ours)) return false;
    if (!isElf(ours)) return true;
    const [machine, wanted] = [theirs.readUInt16LE(18), ours.readUInt16LE(18)];
    return machine === wanted || (machine === I386 && wanted === X86_64);
  } finally {
    await own.close();
  }
}

async function head(handle: FileHandle): Promise<Buffer> {
  const { buffer } = await handle.read(Buffer.alloc(ELF_BYTES), 0, ELF_BYTES, 0);
  return buffer;
}

async function checksum(file: string): Promise<string> {
  const handle = await open(file);
  try {
    return (await read(handle)).sha256;
  } finally {
    await handle.close();
  }
}

async function read(handle: FileHandle): Promise<{ readonly sha256: string; readonly hasCookie: boolean }> {
  const hash = createHash('sha256');
  const needles = COOKIE.map((text) => Buffer.from(text));
  // The end of each piece is kept in front of the next one: a match may lie across the border.
  const overlap = Math.max(...needles.map(({ length }) => length)) - 1;
  const window = Buffer.alloc(overlap + PIECE_BYTES);
  let kept = 0;
  let hasCookie = false;
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(window, kept, PIECE_BYTES, position);
    if (bytesRead === 0) return { sha256: hash.digest('hex'), hasCookie };
    position += bytesRead;
    const seen = window.subarray(0, kept + bytesRead);
    hash.update(seen.subarray(kept));
    hasCookie ||= needles.some((needle) => seen.includes(needle));
    kept = Math.min(overlap, seen.length);
    window.copyWithin(0, seen.length - kept, seen.length);
  }
}
