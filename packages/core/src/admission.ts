/** Who asks, and whether they may: all that is decided about a request before anything is done. */
import type { AuditedRequest } from '@coffer/audit';
import { CofferError } from '@coffer/base';
import {
  cidrsAllow,
  type IncomingRequest,
  multiError,
  needsSudo,
  type Path,
  type RawPathRequest,
  type TokenEntry,
} from '@coffer/framework';
import type { Authority } from './authority.ts';
import type { Route } from './mounts/router.ts';
import type { Acl } from './policies/acl.ts';
import { allowsFolded } from './policies/folded-acl.ts';
import { needsNoToken, rawRequest } from './request.ts';
import { NO_WRAPPING_TOKEN } from './tokens/wrapping.ts';

export interface Admission {
  readonly raw: RawPathRequest;
  /** As it is before this use; absent where none is needed, and where it is not valid. */
  readonly token?: TokenEntry;
  /** What its entity adds to its own policies. */
  readonly identityPolicies?: readonly string[];
  /** What was asked whether the token may; absent where nothing was. */
  readonly acl?: Acl;
  /** Why it is refused. */
  readonly refusal?: CofferError;
}

/** What both lines of an audit device say of it. */
export function auditedRequest(
  request: IncomingRequest,
  route: Route | undefined,
  { raw, token, identityPolicies, acl, refusal }: Admission,
): AuditedRequest {
  const { operation } = raw;
  const granted = { allowed: true, grantingPolicies: acl?.granting(operation, request.path) ?? [] };
  return {
    ...{ request, operation },
    ...(route && { mount: route.mounted.mount }),
    ...(token && { token }),
    ...(identityPolicies && { identityPolicies }),
    ...(refusal === undefined && { verdict: granted }),
    ...(refusal !== undefined && { error: refusal.message }),
    ...(refusal !== undefined && token && { verdict: { allowed: false, grantingPolicies: [] } }),
  };
}

/** What a token that is not valid here leads to. */
export function invalidToken({ data }: RawPathRequest, path: Path | undefined): CofferError {
  if (path?.takesWrappingToken === true && data['token'] === undefined) {
    return new CofferError('invalid-request', NO_WRAPPING_TOKEN);
  }
  return new CofferError('permission-denied', 'permission denied');
}

export interface Arrived {
  readonly request: IncomingRequest;
  readonly route: Route | undefined;
  /** Of its token, if that is valid. */
  readonly found: TokenEntry | undefined;
}

/** Changes nothing, and does not even use the token. A refusal is part of the result: it is written down before it is told. */
export async function admit(
  { authority }: { readonly authority: Authority },
  { request, route, found }: Arrived,
): Promise<Admission> {
  const raw = rawRequest(request, route);
  const path = route?.path;
  if (needsNoToken(path, request)) return { raw: path?.creates === true ? await resolveWrite(raw, path) : raw };
  if (found === undefined || !cidrsAllow(found.boundCidrs ?? [], request.remoteAddress)) {
    return { raw, refusal: invalidToken(raw, path) };
  }
  try {
    // First: whoever may use their token no more is told nothing of what is there.
    const identity = await authority.identityOf(found);
    const acl = await authority.aclWith(found, identity);
    const resolved = path?.creates === true ? await resolveWrite(raw, path, found) : raw;
    const identityPolicies = identity?.policies ?? [];
    return { raw: resolved, token: found, identityPolicies, ...authorize(acl, request.path, resolved, path) };
  } catch (error) {
    return { raw, token: found, refusal: CofferError.from(error) };
  }
}

/** A write to something that does not exist yet is a `create`. */
async function resolveWrite(request: RawPathRequest, path: Path, token?: TokenEntry): Promise<RawPathRequest> {
  if (request.operation !== 'update') return request;
  return (await path.exists(request.params, token)) ? request : { ...request, operation: 'create' };
}

function authorize(
  acl: Acl,
  fullPath: string,
  request: RawPathRequest,
  path?: Path,
): Pick<Admission, 'acl' | 'refusal'> {
  // Help tells nobody anything, so a valid token is enough (hashicorp/vault:vault/acl.go AllowOperation).
  if (request.operation === 'help') return {};
  const { operation, data, wrapTtl } = request;
  const sudo = path !== undefined && needsSudo(path, operation);
  const asked = [operation, fullPath, data, sudo, wrapTtl, path?.splitFields] as const;
  const folds = path !== undefined && path.foldedNames.length > 0;
  if (folds ? allowsFolded(acl, ...asked) : acl.allows(...asked)) return { acl };
  return { acl, refusal: new CofferError('permission-denied', multiError(['permission denied'])) };
}
