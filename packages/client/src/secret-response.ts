import { CofferError, ExactNumber, isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';

/** The envelope around every answer of Vault's API, and what is in it. Times and durations are as the server sent them. */
export interface SecretResponse {
  readonly requestId: string;
  /** Empty when the answer has no lease. */
  readonly leaseId: string;
  /** Seconds. */
  readonly leaseDuration: number;
  readonly renewable: boolean;
  readonly data: JsonObject | null;
  readonly warnings: readonly string[] | null;
  readonly auth: AuthResponse | null;
  readonly wrapInfo: WrapInfo | null;
}

/** A token that was issued by a login, a creation or a renewal. */
export interface AuthResponse {
  readonly clientToken: string;
  readonly accessor: string;
  readonly policies: readonly string[] | null;
  readonly tokenPolicies: readonly string[] | null;
  readonly identityPolicies: readonly string[] | null;
  readonly metadata: JsonObject | null;
  readonly orphan: boolean;
  readonly entityId: string;
  /** Seconds; 0 for a token that never expires. */
  readonly leaseDuration: number;
  readonly renewable: boolean;
  readonly mfaRequirement: JsonObject | null;
}

/** A wrapped response: the single-use token that fetches the real one. */
export interface WrapInfo {
  readonly token: string;
  readonly accessor: string;
  /** Seconds. */
  readonly ttl: number;
  /** RFC 3339. */
  readonly creationTime: string;
  readonly creationPath: string;
  /** The accessor of the wrapped token; empty when no token was wrapped. */
  readonly wrappedAccessor: string;
}

/**
 * Reads the body of an answer. `undefined` for no body, and for one with nothing but `errors`. A body without any field of
 * the envelope (`sys/health`, `sys/seal-status`) becomes the data itself (openbao/openbao:api/secret.go ParseSecret).
 *
 * @throws CofferError `failed` when the body is not a JSON object, or has both data and errors
 */
export function parseSecretResponse(body: JsonValue | undefined): SecretResponse | undefined {
  if (body === undefined || body === null) return undefined;
  if (!isJsonObject(body)) {
    throw new CofferError('failed', 'the server answered with JSON that is not an object; is the address right?');
  }
  const secret: SecretResponse = {
    requestId: text(body['request_id']),
    leaseId: text(body['lease_id']),
    leaseDuration: number(body['lease_duration']),
    renewable: body['renewable'] === true,
    data: object(body['data']),
    warnings: texts(body['warnings']),
    auth: parseAuth(object(body['auth'])),
    wrapInfo: parseWrapInfo(object(body['wrap_info'])),
  };
  return isEmpty(secret) ? parseBareData(body, secret) : secret;
}

function isEmpty(secret: SecretResponse): boolean {
  return Object.values(secret).every((value) => value === '' || value === 0 || value === false || value === null);
}

function parseBareData(body: JsonObject, secret: SecretResponse): SecretResponse | undefined {
  const { errors, ...data } = body;
  if (errors === undefined) return { ...secret, data: Object.keys(data).length > 0 ? data : null };
  if (Object.keys(data).length === 0) return undefined;
  throw new CofferError('failed', (texts(errors) ?? []).join(' '));
}

function parseAuth(auth: JsonObject | null): AuthResponse | null {
  if (auth === null) return null;
  return {
    clientToken: text(auth['client_token']),
    accessor: text(auth['accessor']),
    policies: texts(auth['policies']),
    tokenPolicies: texts(auth['token_policies']),
    identityPolicies: texts(auth['identity_policies']),
    metadata: object(auth['metadata']),
    orphan: auth['orphan'] === true,
    entityId: text(auth['entity_id']),
    leaseDuration: number(auth['lease_duration']),
    renewable: auth['renewable'] === true,
    mfaRequirement: object(auth['mfa_requirement']),
  };
}

function parseWrapInfo(info: JsonObject | null): WrapInfo | null {
  if (info === null) return null;
  return {
    token: text(info['token']),
    accessor: text(info['accessor']),
    ttl: number(info['ttl']),
    creationTime: text(info['creation_time']),
    creationPath: text(info['creation_path']),
    wrappedAccessor: text(info['wrapped_accessor']),
  };
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function number(value: JsonValue | undefined): number {
  if (value instanceof ExactNumber) return Number(value.text);
  return typeof value === 'number' ? value : 0;
}

function object(value: JsonValue | undefined): JsonObject | null {
  return isJsonObject(value) ? value : null;
}

function texts(value: JsonValue | undefined): readonly string[] | null {
  return Array.isArray(value) ? value.filter((element: unknown) => typeof element === 'string') : null;
}
