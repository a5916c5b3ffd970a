/** Looks for secrets in the memory of another process, as a debugger or a core dump would show it. Linux only. */
import { open, readFile } from 'node:fs/promises';

const CHUNK_BYTES = 8 * 1024 * 1024;

/** A secret in the forms in which it is often met. */
export function formsOf(name: string, secret: Uint8Array): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(secret);
  return new Map([
    [`${name}, raw`, bytes],
    [`${name}, hexadecimal`, Buffer.from(bytes.toString('hex'))],
    [`${name}, base64`, Buffer.from(bytes.toString('base64').replace(/=+$/, ''))],
    // As V8 keeps a string that shares its text with one beyond Latin-1.
    [`${name}, hexadecimal in UTF-16`, Buffer.from(bytes.toString('hex'), 'utf16le')],
  ]);
}

/** Which of `needles` are in the memory of a process that it can read and write, and in its environment. Sorted names. */
export async function findInMemory(pid: number, needles: ReadonlyMap<string, Buffer>): Promise<string[]> {
  const found = new Set<string>();
  const overlap = Math.max(...[...needles.values()].map((needle) => needle.length));
  const look = (bytes: Buffer): void => {
    for (const [name, needle] of needles) if (!found.has(name) && bytes.includes(needle)) found.add(name);
  };
  look(await readFile(`/proc/${pid}/environ`));
  const memory = await open(`/proc/${pid}/mem`);
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (const { from, to } of await writableRegions(pid)) {
      for (let at = from; at < to; at += CHUNK_BYTES - overlap) {
        const length = Math.min(CHUNK_BYTES, to - at);
        // What is unmapped meanwhile holds nothing any more.
        const { bytesRead } = await memory.read(chunk, 0, length, at).catch(() => ({ bytesRead: 0 }));
        look(chunk.subarray(0, bytesRead));
        if (length < CHUNK_BYTES) break;
      }
    }
  } finally {
    await memory.close();
  }
  return [...found].sort();
}

async function writableRegions(pid: number): Promise<{ from: number; to: number }[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)].map(([, from = '', to = '']) => ({
    from: Number.parseInt(from, 16),
    to: Number.parseInt(to, 16),
  }));
}
