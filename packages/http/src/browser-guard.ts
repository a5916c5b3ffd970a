import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { CofferError } from '@coffer/base';

/**
 * Keeps web pages away from a server that its owner reaches without TLS and with a token that is easy to guess. A stranger's
 * page can make its own name resolve to 127.0.0.1 (DNS rebinding), so on a loopback address only names that mean this
 * machine are served. On any other address the names are not known; there a page is recognised by its `Origin`, which
 * browsers send with everything but plain reads.
 */
export class BrowserGuard {
  readonly #loopbackOnly: boolean;

  /** `host`: the address that the server listens on. */
  constructor(host: string) {
    this.#loopbackOnly = isLoopback(host);
  }

  /** @throws CofferError `permission-denied` saying what to use instead */
  check({ host = '', origin }: IncomingHttpHeaders): void {
    if (this.#loopbackOnly && !isLoopback(nameIn(host))) {
      throw new CofferError(
        'permission-denied',
        `a development server on a loopback address does not answer to the name ${JSON.stringify(host)}: use 127.0.0.1 or localhost, or listen on another address with -dev-listen-address`,
      );
    }
    if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
      throw new CofferError(
        'permission-denied',
        `a development server refuses requests from web pages of other servers (origin ${JSON.stringify(origin)}); use a server with a configuration file behind a proxy that allows them`,
      );
    }
  }
}

/** The host of a Host header, without port and brackets. */
function nameIn(host: string): string {
  return /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host)?.slice(1).join('') ?? '';
}

function isLoopback(name: string): boolean {
  const lower = name.toLowerCase().replace(/\.$/, '');
  if (isIP(lower) !== 0) return lower.startsWith('127.') || lower === '::1' || lower.startsWith('::ffff:127.');
  // RFC 6761: names under localhost never leave this machine.
  return lower === 'localhost' || lower.endsWith('.localhost');
}
