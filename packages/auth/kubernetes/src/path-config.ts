import { CofferError, errorText } from '@coffer/base';
import { definePath, type EntryStorage, type FieldValues, type Path } from '@coffer/framework';
import { checkCa, isPlainHttp, parsePublicKey, parseUrl } from '@coffer/jwt-keys';
import { remoteKeys } from './cluster-keys.ts';
import { CONFIG_NAME, configOf, type KubernetesConfig } from './config-entry.ts';

const FIELDS = {
  kubernetes_host: {
    type: 'string',
    default: '',
    description:
      'The API server: a URL, or a host with an optional port. Empty: tokens are verified with the keys alone.',
  },
  kubernetes_ca_cert: {
    type: 'string',
    default: '',
    description:
      "Certificates to trust for it, as PEM. Default: those of the pod that this server runs in, or else the system's.",
  },
  token_reviewer_jwt: {
    type: 'string',
    default: '',
    description:
      'A token that may request reviews. Default: that of the pod that this server runs in, else the token under review. Never shown.',
  },
  pem_keys: {
    type: 'comma-strings',
    default: [],
    description: 'Public keys or certificates, in PEM, that verify tokens before, or instead of, a TokenReview.',
  },
  jwks_url: { type: 'string', default: '', description: 'Where such keys are published, for example /openid/v1/jwks.' },
  jwks_ca_pem: {
    type: 'string',
    default: '',
    description: "Certificates to trust for it, as PEM. Default: the system's.",
  },
  issuer: {
    type: 'string',
    default: '',
    description: 'What the claim "iss" must be, unless disable_iss_validation is true.',
  },
  disable_iss_validation: { type: 'boolean', default: true, description: 'Ignores the claim "iss".' },
  disable_local_ca_jwt: {
    type: 'boolean',
    default: false,
    description: 'Uses neither the token nor the certificates of the pod that this server runs in.',
  },
  use_annotations_as_alias_metadata: { type: 'boolean', default: false, description: 'Not supported: leave it out.' },
} as const;

/** `config`: the cluster. */
export function configPaths(storage: EntryStorage): Path[] {
  return [
    definePath({
      pattern: 'config',
      fields: FIELDS,
      synopsis: 'Reads or writes how the cluster is reached. A write replaces everything.',
      read: async () => {
        const config = await configOf(storage).get(CONFIG_NAME);
        return config && { data: view(config) };
      },
      write: async ({ fields, warnings }) => {
        const config = await readConfig(fields);
        await configOf(storage).put(CONFIG_NAME, config);
        if (isPlainHttp(config.host)) {
          warnings.push(
            'tokens are sent to the API server without TLS: anyone on the network path can read and use them',
          );
        }
        if (isPlainHttp(config.jwksUrl)) {
          warnings.push('keys are fetched without TLS: anyone on the network path can replace them');
        }
        return undefined;
      },
    }),
  ];
}

function view(config: KubernetesConfig) {
  return {
    disable_iss_validation: config.disableIssValidation,
    disable_local_ca_jwt: config.disableLocalCaJwt,
    issuer: config.issuer,
    jwks_ca_pem: config.jwksCa,
    jwks_url: config.jwksUrl,
    kubernetes_ca_cert: config.caCert,
    kubernetes_host: config.host,
    pem_keys: config.pemKeys,
    token_reviewer_jwt_set: config.tokenReviewerJwt !== '',
    use_annotations_as_alias_metadata: false,
  };
}

/** @throws CofferError `invalid-request` */
async function readConfig(fields: FieldValues<typeof FIELDS>): Promise<KubernetesConfig> {
  const { kubernetes_host: host, kubernetes_ca_cert: caCert, jwks_url: jwksUrl, jwks_ca_pem: jwksCa } = fields;
  if (host === '' && fields.pem_keys.length === 0 && jwksUrl === '') throw refusal('no host provided');
  if (fields.use_annotations_as_alias_metadata) {
    throw refusal('field "use_annotations_as_alias_metadata" is not supported: leave it out');
  }
  const config: KubernetesConfig = {
    host: host === '' || host.includes('://') ? host : `https://${host}`,
    caCert,
    tokenReviewerJwt: fields.token_reviewer_jwt,
    pemKeys: fields.pem_keys,
    jwksUrl,
    jwksCa,
    issuer: fields.issuer,
    disableIssValidation: fields.disable_iss_validation,
    disableLocalCaJwt: fields.disable_local_ca_jwt,
  };
  await explained('kubernetes_host', () => config.host !== '' && parseUrl(config.host));
  await explained('kubernetes_ca_cert', () => checkCa(caCert));
  await explained('pem_keys', () => config.pemKeys.map(parsePublicKey));
  await explained('jwks_ca_pem', () => checkCa(jwksCa));
  await explained('jwks_url', () => (jwksUrl === '' ? undefined : remoteKeys(jwksUrl, jwksCa).check()));
  return config;
}

async function explained(field: string, check: () => unknown): Promise<void> {
  try {
    await check();
  } catch (thrown) {
    throw refusal(`field "${field}": ${errorText(thrown)}`);
  }
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}
