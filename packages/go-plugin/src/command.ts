import { createHash, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CofferError, errorText } from '@coffer/base';

/**
 * The file that `command` names: directly in the plugin directory, following symbolic links only inside it
 * (hashicorp/vault:vault/plugincatalog/plugin_catalog.go, setInternal).
 *
 * @throws CofferError `failed` when it leads elsewhere or does not exist
 */
export async function resolveCommand(directory: string, command: string): Promise<string> {
  const outside = () => new CofferError('failed', 'cannot execute files outside of configured plugin directory');
  if (command === '') throw new CofferError('failed', 'the plugin has no command; register it with one');
  if (isAbsolute(command) || normalize(command) !== command || dirname(command) !== '.') throw outside();
  const home = await real(directory, 'the plugin directory');
  const file = await real(join(home, command), 'the command path');
  if (dirname(file) !== home) throw outside();
  return file;
}

async function real(path: string, what: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw new CofferError('failed', `error while validating ${what}: ${errorText(error)}`, { cause: error });
  }
}

/**
 * Compares the file's SHA-256 with `sha256` (hexadecimal), reading it as a stream: executables can be over 100 MB.
 *
 * @throws CofferError `failed`, `checksums did not match` (go-plugin's text) when it differs
 */
export async function verifyChecksum(file: string, sha256: string): Promise<void> {
  const expected = Buffer.from(sha256, 'hex');
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    throw new CofferError('failed', `error verifying checksum: ${errorText(error)}`, { cause: error });
  }
  const actual = hash.digest();
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    throw new CofferError('failed', 'checksums did not match');
  }
}
