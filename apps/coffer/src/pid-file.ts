import { rm, writeFile } from 'node:fs/promises';
import { CofferError, errorText, type Logger } from '@coffer/base';

/** @throws CofferError `failed` when it cannot be written */
export async function writePidFile(path: string): Promise<void> {
  try {
    await writeFile(path, String(process.pid), { mode: 0o644 });
  } catch (cause) {
    throw new CofferError('failed', `pid_file: ${errorText(cause)}`, { cause });
  }
}

/** Never rejects. */
export async function removePidFile(path: string, logger: Logger): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    logger.error('failed to remove the pid file', { error: errorText(error) });
  }
}
