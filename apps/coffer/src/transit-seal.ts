import { readFile } from 'node:fs/promises';
import { CofferError, errorText, type Logger, Secret, trimBoth } from '@coffer/base';
import type { TransitSealOptions } from '@coffer/transit-seal';
import { environmentSwitch } from './config/config-values.ts';
import type { TransitSealConfig } from './config/seal-config.ts';

type Environment = Record<string, string | undefined>;

/** Vault's variables (hashicorp/go-kms-wrapping:wrappers/transit). These beat what the file says. */
const BEATS = {
  keyName: ['VAULT_TRANSIT_SEAL_KEY_NAME', 'TRANSIT_WRAPPER_KEY_NAME'],
  mountPath: ['VAULT_TRANSIT_SEAL_MOUNT_PATH', 'TRANSIT_WRAPPER_MOUNT_PATH'],
  disableRenewal: ['VAULT_TRANSIT_SEAL_DISABLE_RENEWAL', 'TRANSIT_WRAPPER_DISABLE_RENEWAL'],
  namespace: ['VAULT_NAMESPACE'],
} as const;

/** These count where the file says nothing. */
const FILLS = {
  address: 'VAULT_ADDR',
  token: 'VAULT_TOKEN',
  caFile: 'VAULT_CACERT',
  certFile: 'VAULT_CLIENT_CERT',
  keyFile: 'VAULT_CLIENT_KEY',
  serverName: 'VAULT_TLS_SERVER_NAME',
  skipVerify: 'VAULT_SKIP_VERIFY',
} as const;

/**
 * What a transit seal needs, from the file and from the environment.
 *
 * @param isOnly whether there is no other transit seal. Where there are two, the environment only says what a block leaves out.
 * @throws CofferError `invalid-request` naming what is missing, or the file that cannot be read
 */
export async function readTransitSeal(
  config: TransitSealConfig,
  env: Environment,
  isOnly: boolean,
  logger: Logger,
): Promise<TransitSealOptions> {
  const named = (names: readonly string[]): string | undefined => names.map((name) => env[name]).find(Boolean);
  const text = (key: 'keyName' | 'mountPath' | 'namespace'): string | undefined =>
    isOnly ? (named(BEATS[key]) ?? config[key]) : (config[key] ?? named(BEATS[key]));
  const filled = (key: Exclude<keyof typeof FILLS, 'token' | 'skipVerify'>): string | undefined =>
    config[key] ?? (env[FILLS[key]] || undefined);
  const required = (value: string | undefined, key: string, variable: string): string => {
    if (value !== undefined) return value;
    throw new CofferError('invalid-request', `seal "transit": ${key} is required, or ${variable} in the environment`);
  };
  const given = BEATS.disableRenewal.find((name) => env[name]);
  const disableRenewal =
    given !== undefined && (isOnly || config.disableRenewal === undefined)
      ? environmentSwitch(env, given)
      : config.disableRenewal;
  const skipVerify = config.skipVerify ?? environmentSwitch(env, FILLS.skipVerify) ?? false;
  const address = required(filled('address'), 'address', FILLS.address);
  const token = required(config.token?.reveal() ?? (env[FILLS.token] || undefined), 'token', FILLS.token);
  const [caCert, clientCert, clientKey] = await Promise.all(
    (['caFile', 'certFile', 'keyFile'] as const).map((key) => readPem(filled(key))),
  );
  const [namespace, serverName] = [text('namespace'), filled('serverName')];
  warnOfOpenness(address, skipVerify, logger);
  return {
    address,
    token: new Secret(token),
    keyName: required(text('keyName'), 'key_name', BEATS.keyName[0]),
    mountPath: trimBoth(required(text('mountPath'), 'mount_path', BEATS.mountPath[0]), '/'),
    ...(namespace !== undefined && { namespace }),
    ...(config.keyIdPrefix !== undefined && { keyIdPrefix: config.keyIdPrefix }),
    ...(disableRenewal !== undefined && { disableRenewal }),
    ...(caCert !== undefined && { caCert }),
    ...(clientCert !== undefined && { clientCert }),
    ...(clientKey !== undefined && { clientKey }),
    ...(serverName !== undefined && { tlsServerName: serverName }),
    tlsSkipVerify: skipVerify,
    logger,
  };
}

/** The token is taken out, so that no plugin finds it. */
export function forgetTransitToken(env: Environment): void {
  delete env[FILLS.token];
}

async function readPem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new CofferError('invalid-request', `seal "transit": ${errorText(cause)}`, { cause });
  }
}

/** Whoever listens in between learns the token, and the key that opens the root key. */
function warnOfOpenness(address: string, skipVerify: boolean, logger: Logger): void {
  const isPlain = address.startsWith('http://') && !/^http:\/\/(127\.|localhost[:/]|localhost$|\[::1\])/.test(address);
  if (isPlain) logger.warn('seal "transit": the address is http: keys and the token are sent unencrypted');
  if (skipVerify) logger.warn('seal "transit": the certificate of the other server is not verified (tls_skip_verify)');
}
