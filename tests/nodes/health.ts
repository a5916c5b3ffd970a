import type { DurableServer } from '../durable-process.ts';

export interface Health {
  readonly status: number;
  readonly reason: string | undefined;
}

/** What a load balancer hears. */
export async function health(server: DurableServer, query = ''): Promise<Health> {
  const answer = await fetch(`${server.address}/v1/sys/health${query}`);
  const { reason } = (await answer.json()) as { reason?: string };
  return { status: answer.status, reason };
}
