/** Strangers who send bodies as large as a server takes, each from an address of its own, one after the other. */
import { connect, type Socket } from 'node:net';

const BODY_BYTES = 32 * 1024 * 1024;
const PIECE = Buffer.alloc(1024 * 1024, 'x');
const AGAIN_MS = 50;

/** How often each status came back; `cut off` is a connection that ended without one. */
export type Answers = Readonly<Record<string, number>>;

export function flood(
  { host, port }: { readonly host: string; readonly port: number },
  strangers: number,
): { stop(): Answers } {
  const answers: Record<string, number> = {};
  const sockets = new Set<Socket>();
  let isOver = false;
  const send = (stranger: number): void => {
    if (isOver) return;
    const socket = connect({ host, port, localAddress: `127.0.1.${stranger + 1}` });
    sockets.add(socket);
    let answer = 'cut off';
    let left = BODY_BYTES;
    const more = (): void => {
      while (left > 0 && socket.writable) {
        const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
        left -= piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('error', () => undefined).on('drain', more);
    socket.once('data', (chunk) => {
      answer = chunk.toString('latin1', 9, 12);
      socket.destroy();
    });
    socket.once('close', () => {
      sockets.delete(socket);
      if (isOver) return;
      answers[answer] = (answers[answer] ?? 0) + 1;
      setTimeout(() => send(stranger), AGAIN_MS);
    });
    // The text of a password is under way.
    const head = `PUT /v1/auth/userpass/login/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`;
    socket.write(`${head}{"password":"`);
    left -= '{"password":"'.length;
    more();
  };
  for (let stranger = 0; stranger < strangers; stranger++) send(stranger);
  return {
    stop: () => {
      isOver = true;
      for (const socket of sockets) socket.destroy();
      return answers;
    },
  };
}
