import { CofferError, type JsonObject } from '@coffer/base';
import { fetchJson, parseUrl } from './fetch-json.ts';
import { RemoteKeys } from './remote-keys.ts';

/** What an OpenID provider says of itself (OpenID Connect Discovery 1.0, section 3). URLs are empty where it names none. */
export interface Provider {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userinfoEndpoint: string;
  /** How clients may prove who they are at the token endpoint. */
  readonly tokenAuthMethods: readonly string[];
  readonly jwksUri: string;
}

/** As long as keys are kept. */
const MAX_AGE_MS = 600_000;
/** Of a failure: anybody can have the question put. */
const FAILURE_AGE_MS = 1_000;
const WELL_KNOWN = '/.well-known/openid-configuration';

/** An OpenID provider, known by its issuer: what it says of itself, and its keys. */
export class Discovery {
  readonly #issuer: string;
  readonly #ca: string;
  #known: { readonly provider: Promise<Provider>; at: number } | undefined;
  readonly keys: RemoteKeys;

  /** `ca`: as {@link fetchJson} takes it. */
  constructor(issuer: string, ca: string) {
    this.#issuer = issuer;
    this.#ca = ca;
    this.keys = new RemoteKeys({ load: async () => fetchJson((await this.provider()).jwksUri, { ca }) });
  }

  /** @throws CofferError `failed` when it cannot be asked, or says what it must not */
  provider(): Promise<Provider> {
    const now = performance.now();
    if (this.#known === undefined || now - this.#known.at >= MAX_AGE_MS) {
      const known = { provider: this.#discover(), at: now };
      this.#known = known;
      known.provider.catch(() => (known.at = performance.now() - MAX_AGE_MS + FAILURE_AGE_MS));
    }
    return this.#known.provider;
  }

  async #discover(): Promise<Provider> {
    const issuer = this.#issuer.replace(/\/$/, '');
    const found = await fetchJson(`${issuer}${WELL_KNOWN}`, { ca: this.#ca });
    if (found['issuer'] !== this.#issuer) {
      const [expected, got] = [this.#issuer, found['issuer']].map((each) => JSON.stringify(each ?? ''));
      throw new CofferError('failed', `issuer did not match the returned issuer, expected ${expected} got ${got}`);
    }
    const secure = parseUrl(this.#issuer).protocol === 'https:';
    const url = (name: string): string => endpoint(found, name, secure);
    const methods = found['token_endpoint_auth_methods_supported'];
    return {
      issuer: this.#issuer,
      authorizationEndpoint: url('authorization_endpoint'),
      tokenEndpoint: url('token_endpoint'),
      userinfoEndpoint: url('userinfo_endpoint'),
      tokenAuthMethods: Array.isArray(methods) ? methods.map(String) : ['client_secret_basic'],
      jwksUri: url('jwks_uri'),
    };
  }
}

/** @throws CofferError `failed` for what is no URL, and for one that leaves TLS */
function endpoint(found: JsonObject, name: string, secure: boolean): string {
  const value = found[name] ?? '';
  if (value === '') return '';
  if (typeof value !== 'string' || (parseUrl(value).protocol !== 'https:' && secure)) {
    throw new CofferError('failed', `the provider's ${name} is not a URL that starts with https://`);
  }
  return value;
}
