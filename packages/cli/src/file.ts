import { readFile } from 'node:fs/promises';
import { CofferError, errorText } from '@coffer/base';

const REASONS = new Map([
  ['ENOENT', 'no such file or directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['EISDIR', 'is a directory'],
]);

/**
 * A file's content as text.
 *
 * @throws CofferError `invalid-request` with Go's message: `open x: no such file or directory`
 */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw new CofferError('invalid-request', `open ${path}: ${fileReason(thrown)}`, { cause: thrown });
  }
}

/** Why the operating system refused, in Go's words. */
export function fileReason(thrown: unknown): string {
  return REASONS.get(errorCode(thrown)) ?? errorText(thrown);
}

/** The code of a system error, such as `ENOENT`; empty for anything else. */
export function errorCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}
