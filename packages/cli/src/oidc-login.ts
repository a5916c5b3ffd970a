import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { CofferError, errorText, isSameSecret } from '@coffer/base';
import type { Client, SecretResponse } from '@coffer/client';
import type { LoginRequest } from './login-request.ts';

/** As long as Vault's CLI waits for somebody at the provider. */
const TIMEOUT_MS = 120_000;

/** How the browser comes back here, by the names of Vault's CLI (hashicorp/vault-plugin-auth-jwt:cli.go). */
interface Settings {
  readonly role: string;
  readonly listenAddress: string;
  readonly port: number;
  readonly redirectUri: string;
  readonly skipBrowser: boolean;
  readonly abortOnError: boolean;
}

/**
 * Logs somebody in with a browser: the provider sends it back to a listener here, for this login and once.
 * @throws CofferError as {@link Client} does, and when nobody has come back within two minutes
 */
export async function loginWithBrowser(client: Client, request: LoginRequest): Promise<SecretResponse> {
  const { mount, tell } = request;
  const settings = readSettings(request.details);
  const clientNonce = randomBytes(20).toString('base64url');
  const authUrl = await beginLogin(client, mount, settings, clientNonce);
  const state = new URL(authUrl).searchParams.get('state') ?? '';
  const callback = new Callback(state, (code) =>
    client.read(`auth/${mount}/oidc/callback`, { ...code, client_nonce: clientNonce }),
  );
  await callback.listen(settings);
  try {
    await showAddress(authUrl, settings, tell);
    tell('Waiting for OIDC authentication to complete...');
    const secret = await callback.secret;
    if (secret === undefined) throw refusal('empty response from credential provider');
    return secret;
  } finally {
    callback.close();
  }
}

function readSettings(details: ReadonlyMap<string, string>): Settings {
  const flag = (name: string): boolean => {
    const text = details.get(name) ?? '';
    if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
    if (/^(0|f|F|FALSE|false|False|)$/.test(text)) return false;
    throw refusal(`failed to parse value for "${name}": use true or false`);
  };
  const mode = details.get('callbackmode') || 'client';
  if (mode !== 'client') throw refusal(`callbackmode ${JSON.stringify(mode)} is not supported: only "client" is`);
  const port = details.get('port') ?? '8250';
  const [method, host] = [details.get('callbackmethod') ?? 'http', details.get('callbackhost') ?? 'localhost'];
  return {
    role: details.get('role') ?? '',
    listenAddress: details.get('listenaddress') ?? 'localhost',
    port: Number(port),
    redirectUri: `${method}://${host}:${details.get('callbackport') ?? port}/oidc/callback`,
    skipBrowser: flag('skip_browser'),
    abortOnError: flag('abort_on_error'),
  };
}

async function beginLogin(
  client: Client,
  mount: string,
  { role, redirectUri }: Settings,
  clientNonce: string,
): Promise<string> {
  const body = { role, redirect_uri: redirectUri, client_nonce: clientNonce };
  const url = (await client.write(`auth/${mount}/oidc/auth_url`, body))?.data?.['auth_url'];
  if (typeof url === 'string' && URL.canParse(url)) return url;
  throw refusal(
    `Unable to authorize role ${JSON.stringify(role)} with redirect_uri ${JSON.stringify(redirectUri)}. Check Vault logs for more information.`,
  );
}

async function showAddress(url: string, settings: Settings, tell: (text: string) => void): Promise<void> {
  if (settings.skipBrowser) {
    tell(`Complete the login via your OIDC provider. Open the following link in your browser:\n\n    ${url}\n\n`);
    return;
  }
  tell(`Complete the login via your OIDC provider. Launching browser to:\n\n    ${url}\n\n`);
  try {
    await openBrowser(url);
  } catch (thrown) {
    const reason = errorText(thrown);
    if (settings.abortOnError) throw refusal(`failed to launch the browser abort_on_error=true, err=${reason}`);
    tell(`Error attempting to automatically open browser: '${reason}'.\nPlease visit the authorization URL manually.`);
  }
}

async function openBrowser(url: string): Promise<void> {
  const { protocol } = new URL(url);
  // What the server answers must not start anything else.
  if (protocol !== 'https:' && protocol !== 'http:') throw refusal(`the address is not one of the web: ${protocol}`);
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(program, [url], { stdio: 'ignore', detached: true });
  await once(child, 'spawn');
  child.unref();
}

/** The listener that the browser comes back to. */
class Callback {
  readonly #server: Server;
  readonly #done = Promise.withResolvers<SecretResponse | undefined>();

  constructor(
    state: string,
    redeem: (code: { readonly state: string; readonly code: string }) => Promise<SecretResponse | undefined>,
  ) {
    this.#done.promise.catch(() => undefined);
    let taken = false;
    this.#server = createServer((request, response) => {
      const answer = (status: number, title: string, text: string): void => {
        response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', ...PAGE_HEADERS });
        response.end(page(title, text));
      };
      const url = new URL(request.url ?? '', 'http://localhost');
      // Any page in the browser can send requests here: only that of this login ends it.
      if (request.method !== 'GET' || url.pathname !== '/oidc/callback') return answer(404, 'Not found', '');
      if (taken || !isSameSecret(url.searchParams.get('state') ?? '', state)) return answer(400, 'Not this login', '');
      taken = true;
      const given = Object.fromEntries(
        ['code', 'error', 'error_description'].flatMap((name) => {
          const value = url.searchParams.get(name);
          return value === null ? [] : [[name, value] as const];
        }),
      );
      redeem({ state, code: '', ...given }).then(
        (secret) => {
          answer(200, 'Signed in via your OIDC provider', 'You can now close this window and start using Vault.');
          this.#done.resolve(secret);
        },
        (thrown: unknown) => {
          answer(400, 'Login failed', CofferError.from(thrown).message);
          this.#done.reject(CofferError.from(thrown));
        },
      );
    });
  }

  /** What the server has answered. */
  get secret(): Promise<SecretResponse | undefined> {
    return this.#done.promise;
  }

  async listen({ listenAddress, port }: Settings): Promise<void> {
    try {
      this.#server.listen(port, listenAddress);
      await once(this.#server, 'listening');
    } catch (thrown) {
      throw new CofferError('failed', `cannot wait for the browser: ${errorText(thrown)}`, { cause: thrown });
    }
    const timer = setTimeout(
      () => this.#done.reject(new CofferError('failed', 'timed out waiting for response from provider')),
      TIMEOUT_MS,
    );
    this.#server.on('close', () => clearTimeout(timer));
  }

  close(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }
}

const PAGE_HEADERS = {
  'Content-Security-Policy': "default-src 'none'",
  'Referrer-Policy': 'no-referrer',
  Connection: 'close',
} as const;

function page(title: string, text: string): string {
  return `<!doctype html><title>${escaped(title)}</title><h1>${escaped(title)}</h1><p>${escaped(text)}</p>\n`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
