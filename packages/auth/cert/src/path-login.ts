import {
  checkLoginAddress,
  definePath,
  type EngineContext,
  issueLoginToken,
  loggedLogin,
  type Path,
  type PathRequest,
  type PathResponse,
  type TokenStore,
} from '@coffer/framework';
import { readConfig } from './cert-entry.ts';
import { metadataOf } from './constraints.ts';
import { verifyClient } from './verify-client.ts';

const FIELDS = {
  name: { type: 'string', default: '', description: 'The entry to log in with; any matching one when empty.' },
} as const;

/** `login`: a token for the certificate with which the client has proven itself in its TLS handshake. */
export function loginPaths(tokens: TokenStore, context: EngineContext): Path[] {
  const login = async (request: PathRequest<typeof FIELDS>): Promise<PathResponse> => {
    const { fields, mountPath, remoteAddress, clientCertificates } = request;
    const client = await verifyClient(context.storage, clientCertificates, fields.name);
    const { name, entry, unchanged, certificate } = client;
    checkLoginAddress(entry.token, remoteAddress);
    const metadata = await metadataOf(name, entry, certificate);
    const { enableIdentityAliasMetadata } = await readConfig(context.storage);
    const { commonName } = certificate;
    return issueLoginToken(tokens, context, {
      displayName: entry.displayName,
      metadata,
      parameters: entry.token,
      path: `${mountPath}login`,
      remoteAddress,
      proof: [unchanged],
      ...(commonName !== '' && {
        alias: { name: commonName, ...(enableIdentityAliasMetadata && { metadata }) },
      }),
    });
  };
  return [
    definePath({
      pattern: 'login',
      fields: FIELDS,
      unauthenticated: true,
      // Not by the name in the request alone, which a client that wants to escape a quota leaves out.
      loginRole: ({ data: { name }, clientCertificates }) =>
        verifyClient(context.storage, clientCertificates, typeof name === 'string' ? name : '').then(
          (client) => client.name,
          () => undefined,
        ),
      synopsis: 'Logs in with a TLS client certificate.',
      write: (request) => loggedLogin(context, request, request.fields.name, () => login(request)),
    }),
  ];
}
