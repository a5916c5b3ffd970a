/** What operators do now and then: a new encryption key, and a new password for the admin of the target. */
import { UNRECORDED } from './balancer.ts';
import { unexpected } from './policies.ts';
import type { Worker } from './work.ts';

export async function rotateKeyring(worker: Worker): Promise<void> {
  const { answer } = await worker.balancer.send(
    worker.random,
    { kind: 'rotate', method: 'PUT', path: 'sys/rotate' },
    UNRECORDED,
  );
  unexpected(worker, answer, 'rotate');
}

export async function rotateRoot(worker: Worker): Promise<void> {
  const { answer } = await worker.balancer.send(
    worker.random,
    { kind: 'rotate-root', method: 'PUT', path: 'database/rotate-root/main' },
    UNRECORDED,
  );
  unexpected(worker, answer, 'rotate-root');
}
