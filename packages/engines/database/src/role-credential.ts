import { CofferError, type JsonObject } from '@coffer/base';

/** The fields of a role, dynamic or static, that say what its credential is. */
export const CREDENTIAL_FIELDS = {
  credential_type: { type: 'string', description: 'Only "password".' },
  credential_config: {
    type: 'object',
    description: 'password_policy: the password policy for this role, instead of the one of its connection.',
  },
} as const;

/**
 * The name of the password policy that a role is given; undefined when the request does not mention it, empty for that
 * of the connection.
 * @throws CofferError `invalid-request` for anything but a password, which is all that a PostgreSQL login takes
 */
export function passwordPolicyOf(type: string | undefined, config: JsonObject | undefined): string | undefined {
  if (type !== undefined && type !== 'password') {
    throw new CofferError(
      'invalid-request',
      `field "credential_type": ${JSON.stringify(type)} is not supported by PostgreSQL; use "password"`,
    );
  }
  if (config === undefined) return undefined;
  const { password_policy: policy = '', ...rest } = config;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new CofferError(
      'invalid-request',
      `field "credential_config": "${unknown}" is not a setting of passwords; only "password_policy" can be set`,
    );
  }
  if (typeof policy === 'string') return policy;
  throw new CofferError('invalid-request', 'field "credential_config": "password_policy" must be the name of a policy');
}

/** As Vault shows it: the configuration only where there is one. */
export function credentialView(passwordPolicy: string): JsonObject {
  return {
    credential_type: 'password',
    ...(passwordPolicy !== '' && { credential_config: { password_policy: passwordPolicy } }),
  };
}
