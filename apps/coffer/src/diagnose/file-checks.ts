import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CofferError } from '@coffer/base';
import type { ServerConfig } from '../config/server-config.ts';
import { checkCertificates, readPem } from './certificate-checks.ts';
import type { Check } from './check.ts';
import { warnIfReadable } from './system-checks.ts';

/** Every file that is named anywhere, beside those of listeners, of plugins and of the store itself. `files`: of the configuration. */
export async function checkFiles(check: Check, config: ServerConfig, files: readonly string[]): Promise<void> {
  const { storage, logFile, pidFile } = config;
  const secret = secretOf(config);
  if (secret !== undefined) for (const file of files) await warnIfReadable(check, file, secret);
  if (logFile !== undefined) await check.part('Check Log File', (part) => checkWritable(part, logFile));
  if (pidFile !== undefined) await check.part('Check Pid File', (part) => checkWritable(part, pidFile));
  await checkAuditFiles(check, config);
  for (const [key, file] of tlsFilesOfStore(storage)) {
    await check.part(`Check Store TLS File ${key}`, (part) => checkPem(part, key, file));
  }
  for (const [key, file] of tlsFilesOfSeals(config)) {
    await check.part(`Check Seal TLS File ${key}`, (part) => checkPem(part, key, file));
  }
}

function secretOf({ storage, seal, formerSeal }: ServerConfig): string | undefined {
  if (storage.type === 'yugabytedb') return 'the password of the store';
  const hasToken = [seal, formerSeal].some((each) => each?.type === 'transit' && each.token !== undefined);
  return hasToken ? 'the token of the seal' : undefined;
}

/** What a file device may have in place of a path. */
const NO_FILES = ['', 'stdout', 'discard'];

/** Audit devices are opened when the server is unsealed; one that cannot be refuses every request. */
async function checkAuditFiles(check: Check, { audit }: ServerConfig): Promise<void> {
  for (const { type, path, options } of audit.devices) {
    const file = type === 'file' ? (options['file_path'] ?? options['path'] ?? '') : '';
    const socket = type === 'socket' && options['socket_type'] === 'unix' ? (options['address'] ?? '') : '';
    await check.part(`Check Audit Device ${path}`, async (part) => {
      if (!NO_FILES.includes(file)) await checkWritable(part, file);
      else if (socket !== '') await checkSocket(part, socket);
      else part.skip('The device does not write to a file.');
    });
  }
}

async function checkSocket(check: Check, path: string): Promise<void> {
  if (!(await stat(path)).isSocket()) throw new CofferError('failed', `${path} is not a socket.`);
  await access(path, constants.W_OK);
  check.ok(`${path} is writable.`);
}

/** A file that the server writes: what is there already must be its own to write, or else the directory, which must be there. */
async function checkWritable(check: Check, path: string): Promise<void> {
  const directory = path.endsWith('/') ? path : dirname(path);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true && !path.endsWith('/')) throw new CofferError('failed', `${path} is a directory.`);
  await access(directory, found === undefined || path.endsWith('/') ? constants.W_OK | constants.X_OK : constants.X_OK);
  if (found !== undefined) await access(path, constants.W_OK);
  check.ok(`${found === undefined ? directory : path} is writable.`);
}

async function checkPem(check: Check, key: string, file: string): Promise<void> {
  const text = await readPem(file);
  if (!key.endsWith('key'))
    return checkCertificates(check, text, key.endsWith('rootcert') || key.endsWith('ca_cert') ? 'authorities' : 'own');
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new CofferError('failed', `${file} does not contain a private key in PEM.`);
  await warnIfReadable(check, file, 'the key');
  check.ok(`${file} is readable.`);
}

/** Of its connection URL. */
function tlsFilesOfStore(storage: ServerConfig['storage']): [key: string, file: string][] {
  if (storage.type !== 'yugabytedb') return [];
  const [, query = ''] = storage.connectionUrl.reveal().split('?');
  const parameters = new URLSearchParams(query);
  return ['sslrootcert', 'sslcert', 'sslkey'].flatMap((key): [string, string][] => {
    const file = parameters.get(key) ?? '';
    return file === '' ? [] : [[key, file]];
  });
}

function tlsFilesOfSeals({ seal, formerSeal }: ServerConfig): [key: string, file: string][] {
  return [seal, formerSeal].flatMap((each) => {
    if (each?.type !== 'transit') return [];
    const named = { tls_ca_cert: each.caFile, tls_client_cert: each.certFile, tls_client_key: each.keyFile };
    return Object.entries(named).flatMap(([key, file]): [string, string][] =>
      file === undefined ? [] : [[key, file]],
    );
  });
}
