import { type Actor, userIdOf } from '../../platform/actor.js';
import { Refusal } from '../../platform/errors.js';

/** The person who acts. @throws Refusal FORBIDDEN for jobs and services: they travel and drive nowhere */
export function requirePerson(actor: Actor): string {
  const userId = userIdOf(actor);
  if (userId === null) throw new Refusal('FORBIDDEN', 'This is for people.');
  return userId;
}
