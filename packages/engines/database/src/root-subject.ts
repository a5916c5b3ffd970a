import type { EngineContext } from '@coffer/framework';

/** What the rows of connections' own users begin with; the connection's name follows. */
export const ROOT_SUBJECT = 'root/';

export function rootSubject(name: string): string {
  return ROOT_SUBJECT + name;
}

/** Whether the password of a connection's own user may differ from the configuration. */
export async function hasOpenRotation({ intents }: EngineContext, name: string): Promise<boolean> {
  return (await intents.get(rootSubject(name)))?.state === 'open';
}
