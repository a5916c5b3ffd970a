import { CofferError, errorText, isJsonObject, type JsonValue } from '@coffer/base';
import { definePath, type EntryStorage, type FieldValues, foldName, formerEntry, type Path } from '@coffer/framework';
import { ALGORITHMS, checkCa, isPlainHttp, parsePublicKey, parseUrl } from '@coffer/jwt-keys';
import { CONFIG_NAME, configOf, configView, type JwksPair, type JwtConfig } from './config-entry.ts';
import { issuerOf } from './issuers.ts';

const FIELDS = {
  oidc_discovery_url: {
    type: 'string',
    default: '',
    description: 'URL of the OpenID provider, without /.well-known/openid-configuration.',
  },
  oidc_discovery_ca_pem: {
    type: 'string',
    default: '',
    description: "Certificates to trust for it, as PEM. Default: the system's.",
  },
  oidc_client_id: {
    type: 'string',
    default: '',
    description: 'The client ID at the provider, for the role type oidc.',
  },
  oidc_client_secret: { type: 'string', default: '', description: 'The client secret at the provider. Never shown.' },
  oidc_response_mode: { type: 'string', default: '', description: '"query" or empty; form_post is not supported.' },
  oidc_response_types: {
    type: 'comma-strings',
    default: [],
    description: '"code" or empty; id_token is not supported.',
  },
  jwks_url: { type: 'string', default: '', description: "URL of the issuer's JSON Web Key Set." },
  jwks_ca_pem: {
    type: 'string',
    default: '',
    description: "Certificates to trust for it, as PEM. Default: the system's.",
  },
  jwks_pairs: { type: 'any', description: 'Several key sets: a list of objects with jwks_url and jwks_ca_pem.' },
  jwt_validation_pubkeys: { type: 'comma-strings', default: [], description: 'Public keys or certificates, in PEM.' },
  jwt_supported_algs: {
    type: 'comma-strings',
    default: [],
    description: 'Signature algorithms that are accepted. Default: all with public keys; RS256 for the role type oidc.',
  },
  bound_issuer: { type: 'string', default: '', description: 'The required value of the claim "iss".' },
  default_role: { type: 'string', default: '', description: 'The role for logins that name none.' },
  provider_config: { type: 'object', description: 'Not supported: leave it out.' },
  namespace_in_state: { type: 'boolean', description: 'Kept and shown, without effect: there are no namespaces.' },
  unsupported_critical_cert_extensions: { type: 'comma-strings', default: [], description: 'Not supported.' },
} as const;
type Fields = FieldValues<typeof FIELDS>;

/** `config`: whose tokens are taken, and how they are verified. */
export function configPaths(storage: EntryStorage): Path[] {
  return [
    definePath({
      pattern: 'config',
      fields: FIELDS,
      synopsis: 'Reads or writes which tokens are accepted. A write replaces everything.',
      read: async () => {
        const config = await configOf(storage).get(CONFIG_NAME);
        return config && { data: configView(config) };
      },
      write: async ({ fields, warnings }) => {
        refuseUnsupported(fields);
        const previous = await formerEntry(configOf(storage), CONFIG_NAME, warnings);
        const config = await checked(readConfig(fields, previous?.namespaceInState ?? true));
        await configOf(storage).put(CONFIG_NAME, config);
        const urls = [config.discoveryUrl, config.jwksUrl, ...config.jwksPairs.map(({ url }) => url)];
        if (urls.some(isPlainHttp)) {
          warnings.push('keys are fetched without TLS: anyone on the network path can replace them');
        }
        return undefined;
      },
    }),
  ];
}

function readConfig(fields: Fields, namespaceInState: boolean): JwtConfig {
  return {
    discoveryUrl: fields.oidc_discovery_url,
    discoveryCa: fields.oidc_discovery_ca_pem,
    clientId: fields.oidc_client_id,
    clientSecret: fields.oidc_client_secret,
    responseMode: fields.oidc_response_mode,
    responseTypes: fields.oidc_response_types,
    jwksUrl: fields.jwks_url,
    jwksCa: fields.jwks_ca_pem,
    jwksPairs: readPairs(fields.jwks_pairs),
    publicKeys: fields.jwt_validation_pubkeys,
    supportedAlgorithms: fields.jwt_supported_algs,
    boundIssuer: fields.bound_issuer,
    defaultRole: foldName(fields.default_role),
    namespaceInState: fields.namespace_in_state ?? namespaceInState,
  };
}

/** @throws CofferError `invalid-request` for a setting that would have no effect */
function refuseUnsupported(fields: Fields): void {
  if (Object.keys(fields.provider_config ?? {}).length > 0) {
    throw refusal(
      'field "provider_config" is not supported: claims come from the token and from the userinfo endpoint',
    );
  }
  if (fields.unsupported_critical_cert_extensions.length > 0) {
    throw refusal('field "unsupported_critical_cert_extensions" is not supported: leave it out');
  }
}

function readPairs(given: JsonValue | undefined): readonly JwksPair[] {
  if (given === undefined || given === '') return [];
  const texts = (pair: JsonValue): JwksPair | undefined => {
    if (!isJsonObject(pair)) return undefined;
    const { jwks_url: url, jwks_ca_pem: ca = '' } = pair;
    return typeof url === 'string' && typeof ca === 'string' ? { url, ca } : undefined;
  };
  const pairs = Array.isArray(given) ? given.map(texts) : [undefined];
  if (pairs.length <= MAX_PAIRS && pairs.every((pair) => pair !== undefined)) return pairs;
  throw refusal(
    'invalid jwks_pairs: jwks_pairs must be provided as a list of json objects with the fields jwks_url and jwks_ca_pem',
  );
}

const MAX_PAIRS = 16;

/** The configuration, if it fits together and the issuer answers. In the words of Vault. @throws CofferError `invalid-request` */
async function checked(config: JwtConfig): Promise<JwtConfig> {
  checkSources(config);
  checkFlow(config);
  const unknown = config.supportedAlgorithms.find((name) => !ALGORITHMS.some((each) => each === name));
  if (unknown !== undefined) {
    throw refusal(`invalid jwt_supported_algs: unsupported signing algorithm ${JSON.stringify(unknown.slice(0, 20))}`);
  }
  for (const [field, pem] of [
    ['oidc_discovery_ca_pem', config.discoveryCa],
    ['jwks_ca_pem', config.jwksCa],
    ...config.jwksPairs.map(({ ca }) => ['jwks_ca_pem', ca] as const),
  ] as const) {
    await explained(`error checking ${field}`, () => checkCa(pem));
  }
  const what = config.discoveryUrl === '' ? 'jwks URL' : 'oidc discovery URL';
  await explained('error parsing public key', () => config.publicKeys.forEach(parsePublicKey));
  await explained(`error checking ${what}`, async () => {
    const urls = [config.discoveryUrl, config.jwksUrl].filter((url) => url !== '');
    for (const url of [...urls, ...config.jwksPairs.map((pair) => pair.url)]) parseUrl(url);
    await issuerOf(config).check();
  });
  return config;
}

function checkSources(config: JwtConfig): void {
  const { discoveryUrl, jwksUrl, jwksPairs, publicKeys, clientId, clientSecret } = config;
  const sources = [discoveryUrl !== '', jwksUrl !== '', jwksPairs.length > 0, publicKeys.length > 0];
  if (sources.filter(Boolean).length !== 1) {
    throw refusal(
      "exactly one of 'jwt_validation_pubkeys', 'jwks_url', 'jwks_pairs' or 'oidc_discovery_url' must be set",
    );
  }
  if ((clientId === '') !== (clientSecret === '')) {
    throw refusal("both 'oidc_client_id' and 'oidc_client_secret' must be set for OIDC");
  }
  if (clientId !== '' && discoveryUrl === '') throw refusal("'oidc_discovery_url' must be set for OIDC");
  if (discoveryUrl.includes('.well-known/openid-configuration')) {
    throw refusal("'oidc_discovery_url' contains '.well-known' component");
  }
  if (jwksPairs.length > 0 && config.jwksCa !== '') {
    throw refusal("CA PEMs must be provided as part of the 'jwks_pairs' when using multiple JWKS URLs");
  }
  if (jwksPairs.length > 0 && config.boundIssuer !== '') {
    throw refusal("Bound issuer is not supported for use with 'jwks_pairs'");
  }
}

function checkFlow({ responseMode, responseTypes }: JwtConfig): void {
  if (!responseTypes.every((type) => ['code', 'id_token'].includes(type))) {
    throw refusal(`invalid response_types [${responseTypes.join(' ')}]. 'code' and 'id_token' are allowed`);
  }
  if (!['', 'query', 'form_post'].includes(responseMode)) {
    throw refusal(`invalid response_mode: ${JSON.stringify(responseMode)}`);
  }
  if (responseMode === 'query' && responseTypes.includes('id_token')) {
    throw refusal('query response_mode may not be used with an id_token response_type');
  }
  if (responseMode === 'form_post' || responseTypes.includes('id_token')) {
    throw refusal('response_mode "form_post" and response_type "id_token" are not supported: use the code flow');
  }
}

async function explained(prefix: string, check: () => void | Promise<void>): Promise<void> {
  try {
    await check();
  } catch (thrown) {
    throw refusal(`${prefix}: ${errorText(thrown)}`);
  }
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
