import { X509Certificate } from 'node:crypto';
import { access, constants, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { CofferError, errorText } from '@coffer/base';
import type { ListenerConfig } from '../config/listener-config.ts';
import { formatListenAddress } from '../listen-address.ts';
import type { Check } from './check.ts';
import { warnIfReadable } from './system-checks.ts';

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
/** A certificate is near its end with less than this part of its time left (hashicorp/vault:vault/diagnose/tls_verification.go). */
const NEAR = 0.15;
const DAY_MS = 24 * 60 * 60 * 1000;

export async function checkListenerTls(check: Check, listeners: readonly ListenerConfig[]): Promise<void> {
  for (const listener of listeners) {
    // Whoever may open a socket file is on this machine.
    if ('socket' in listener) continue;
    const { tls } = listener;
    const place = formatListenAddress(listener);
    if (tls === undefined) {
      check.warn(`Listener at address ${place}: TLS is disabled in a listener config stanza.`);
      continue;
    }
    await check.part(`Listener at address ${place}`, async (part) => {
      const [cert, key] = await Promise.all([readPem(tls.certFile), readPem(tls.keyFile)]);
      checkCertificates(part, cert);
      try {
        createSecureContext({ cert, key });
      } catch (cause) {
        throw new CofferError('failed', `The certificate and the key do not fit together: ${errorText(cause)}`, {
          cause,
        });
      }
      await warnIfReadable(part, tls.keyFile, 'the key');
    });
  }
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CofferError('failed', `Failed to read ${path}: ${errorText(cause)}`, { cause });
  }
}

function checkCertificates(check: Check, text: string): void {
  const found = text.match(PEM) ?? [];
  if (found.length === 0) throw new CofferError('failed', 'No certificates found in certificate file.');
  const now = Date.now();
  for (const [index, pem] of found.entries()) {
    const { subject, validFromDate: from, validToDate: to, ca } = new X509Certificate(pem);
    const name = `Certificate ${index + 1} (${subject.replaceAll('\n', ', ')})`;
    const left = to.getTime() - now;
    if (index === 0 && ca) check.warn(`${name} is one of an authority.`, "The server's own goes first.");
    if (left <= 0) check.fail(`${name} has expired on ${to.toISOString()}.`);
    else if (from.getTime() > now) check.fail(`${name} is not valid before ${from.toISOString()}.`);
    else if (left < NEAR * (to.getTime() - from.getTime())) {
      check.warn(`${name} is near its end: ${(left / DAY_MS).toFixed(1)} days are left.`);
    } else if (index === 0) check.ok(`Valid until ${to.toISOString()}.`);
  }
}

/** Listens for a moment where the server would. */
export async function checkListenerAddresses(check: Check, listeners: readonly ListenerConfig[]): Promise<void> {
  for (const listener of listeners) {
    if ('socket' in listener) {
      await checkSocketDirectory(check, listener.socket.path);
      continue;
    }
    const { host, port } = listener;
    const server = createServer();
    try {
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      const place = formatListenAddress({ host, port });
      if (isTaken) check.fail(`${place} is in use.`, 'While the server runs, use -skip=listener.');
      else check.fail(`${place}: ${errorText(error)}`);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

/** Listening on it would take the place of a socket that a server may be using. */
async function checkSocketDirectory(check: Check, path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    check.fail(`${path}: ${errorText(error)}`);
  }
}
