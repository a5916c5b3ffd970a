import { access, constants } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { CofferError, errorText } from '@coffer/base';
import type { ListenerConfig } from '../config/listener-config.ts';
import { formatListenAddress } from '../listen-address.ts';
import { checkCertificates, readPem } from './certificate-checks.ts';
import type { Check } from './check.ts';
import { warnIfReadable } from './system-checks.ts';

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
      checkCertificates(part, cert, 'own');
      try {
        createSecureContext({ cert, key });
      } catch (cause) {
        throw new CofferError('failed', `The certificate and the key do not match: ${errorText(cause)}`, {
          cause,
        });
      }
      await warnIfReadable(part, tls.keyFile, 'the key');
      const { clientCaFile } = tls;
      if (clientCaFile === undefined) return;
      await part.part('Check Client CA File', async (ca) =>
        checkCertificates(ca, await readPem(clientCaFile), 'authorities'),
      );
    });
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
      if (isTaken) check.fail(`${place} is in use.`, 'If the server is running, use -skip=listener.');
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
