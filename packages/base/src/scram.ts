import type { EventEmitter } from 'node:events';
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { isAscii, saslprep } from './saslprep.ts';

/** PostgreSQL's own number of rounds (postgres:src/include/common/scram-common.h). */
const ITERATIONS = 4096;
const SALT_BYTES = 16;

/**
 * The verifier that PostgreSQL would keep for a password (RFC 5803), so that the password itself never goes to the
 * server and its logs.
 */
export async function scramVerifier(password: string, salt: Buffer = randomBytes(SALT_BYTES)): Promise<string> {
  const { clientKey, serverKey } = await scramKeys(password, salt, ITERATIONS);
  const storedKey = sha256(clientKey).toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey.toString('base64')}`;
}

/** Whether PostgreSQL would take a password for a verifier, and store it as it is (postgres:src/backend/libpq/crypt.c). */
export function looksLikeVerifier(password: string): boolean {
  return /^md5[0-9a-f]{32}$/.test(password) || /^SCRAM-SHA-256\$\d+:[^$:]+\$[^$:]+:[^$:]+$/.test(password);
}

/** RFC 5802, 3. */
async function scramKeys(
  password: string,
  salt: Buffer,
  iterations: number,
): Promise<{ readonly clientKey: Buffer; readonly serverKey: Buffer }> {
  const salted = await promisify(pbkdf2)(saslprep(password), salt, iterations, 32, 'sha256');
  return { clientKey: hmac(salted, 'Client Key'), serverKey: hmac(salted, 'Server Key') };
}

/**
 * Makes a `pg.Client` that is not connected yet log in with `password` as libpq would. `pg` has a SASLprep of its own, which
 * prohibits nothing: a password with a character that PostgreSQL prohibits would be refused.
 */
export function logInAsLibpq(client: object, password: () => string): void {
  const { connection } = client as SaslClient;
  let serverFirst = '';
  connection.once('authenticationSASLContinue', ({ data }: { readonly data: string }) => (serverFirst = data));
  const send = connection.sendSCRAMClientFinalMessage.bind(connection);
  connection.sendSCRAMClientFinalMessage = (message) => {
    const session = (client as SaslClient).saslSession;
    const plain = password();
    if (session === null || isAscii(plain)) {
      send(message);
      return;
    }
    finalMessage(message, serverFirst, session, plain)
      .then(send)
      .catch((error: unknown) => connection.emit('error', error));
  };
}

/** The parts of `pg` that its types leave out (node-postgres:packages/pg/lib/client.js, crypto/sasl.js). */
interface SaslClient {
  readonly connection: EventEmitter & { sendSCRAMClientFinalMessage(message: string): void };
  readonly saslSession: SaslSession | null;
}

interface SaslSession {
  readonly clientNonce: string;
  /** In base64: what the server's last message is compared with. */
  serverSignature: string;
}

/** RFC 5802, 3: the client's last message, computed again for another form of the password. */
async function finalMessage(
  message: string,
  serverFirst: string,
  session: SaslSession,
  password: string,
): Promise<string> {
  const withoutProof = message.replace(/,p=[^,]*$/, '');
  const salt = Buffer.from(/(?:^|,)s=([^,]*)/.exec(serverFirst)?.[1] ?? '', 'base64');
  const iterations = Number(/(?:^|,)i=(\d+)/.exec(serverFirst)?.[1]);
  const { clientKey, serverKey } = await scramKeys(password, salt, iterations);
  const authMessage = `n=*,r=${session.clientNonce},${serverFirst},${withoutProof}`;
  const signature = hmac(sha256(clientKey), authMessage);
  const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
  session.serverSignature = hmac(serverKey, authMessage).toString('base64');
  return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
