import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError, isCofferError } from '@coffer/base';
import { clockDifference, clockProblem } from '@coffer/core';
import { examineEmbeddedStore, examinePostgresStore, type StoreFindings } from '@coffer/store';
import type { StorageConfig } from '../config/storage-config.ts';
import { STORE_FILE } from '../open-storage.ts';
import type { Check } from './check.ts';
import { nearestDirectory } from './system-checks.ts';

/** A statement that takes longer makes every request slow, in milliseconds (hashicorp/vault:vault/diagnose/storage_checks.go). */
const SLOW_MS = 100;
/** As docs/production.md says, in milliseconds. */
const CLOCK_WARNING_MS = 1_000;

export async function checkStorage(check: Check, storage: StorageConfig): Promise<void> {
  if (storage.type === 'file') await checkFile(check, storage.directory);
  else await checkDatabase(check, storage);
}

async function checkFile(check: Check, directory: string): Promise<void> {
  const file = join(directory, STORE_FILE);
  await check.part('Check Storage Permissions', async (part) => {
    const place = await nearestDirectory(directory);
    await access(place, constants.R_OK | constants.W_OK | constants.X_OK);
    const found = await stat(file).catch(() => undefined);
    if (found !== undefined) await access(file, constants.R_OK | constants.W_OK);
    const { mode } = await stat(place);
    if (place === directory && (mode & 0o007) !== 0) {
      part.warn(`${directory}: every user of this machine can read it.`, 'Remove that permission: chmod o-rwx.');
    }
    const own = process.getuid?.();
    if (found !== undefined && own !== undefined && found.uid !== own) {
      part.warn(
        `${file} belongs to user ${found.uid}, but this command runs as user ${own}.`,
        'Run it as the user of the server.',
      );
    }
    if (found === undefined) part.ok(`There is no store yet; it will be created in ${place}.`);
  });
  await check.part('Check Storage Access', async (part) => {
    if ((await stat(file).catch(() => undefined)) === undefined) return part.skip('There is no store yet.');
    try {
      report(part, await examineEmbeddedStore(file));
    } catch (error) {
      if (!isCofferError(error, 'unavailable')) throw error;
      part.warn('A server has the store open, or was killed.', 'If it is running, use -skip=storage.');
    }
  });
  await check.part('Check Clock', (part) => part.skip('The store has no clock of its own.'));
}

async function checkDatabase(check: Check, storage: StorageConfig & { type: 'yugabytedb' }): Promise<void> {
  let difference: number | undefined;
  await check.part('Check Storage Access', async (part) => {
    const options = { connectionUrl: storage.connectionUrl.reveal(), maxConnections: 1 };
    const findings = await examinePostgresStore(options, async (run) => {
      difference = await clockDifference({ run });
    });
    report(part, findings);
  });
  await check.part('Check Clock', (part) => {
    if (difference === undefined) return part.skip('The store is not accessible.');
    const problem = clockProblem(difference);
    if (problem !== undefined) throw new CofferError('failed', problem);
    const said = `The clock is ${Math.abs(difference)} ms ${difference < 0 ? 'behind' : 'ahead of'} that of the store.`;
    if (Math.abs(difference) > CLOCK_WARNING_MS) part.warn(said, 'Synchronize both with NTP.');
    else part.ok(said);
  });
}

function report(part: Check, { version, known, roundTripMs }: StoreFindings): void {
  const taken = `${roundTripMs.toFixed(0)} ms`;
  if (roundTripMs > SLOW_MS) part.warn(`One statement took ${taken}.`, 'Each request needs one or a few statements.');
  if (version === 0) part.ok('There is no store yet; the next start creates it.');
  else if (version < known)
    part.warn(`The store has schema ${version}: the next start upgrades it to ${known}.`, 'Take a backup first.');
  else part.ok(`The store has schema ${version}, and answers in ${taken}.`);
}
