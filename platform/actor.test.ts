import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Actor, signInternalToken, systemActor, verifyInternalToken } from './actor.js';

const SECRET = 'a secret that only the tests know, long enough';
const now = new Date('2027-01-01T00:00:00Z');
const person: Actor = { kind: 'USER', id: '01900000-0000-7000-8000-000000000001', roles: ['CUSTOMER'], sessionId: null };

test('GW-21: a token says who is calling', () => {
  for (const actor of [person, systemActor('job'), { kind: 'SERVICE', id: 'telematics', scopes: ['locations:write'] } as const]) {
    expect(verifyInternalToken(signInternalToken(actor, SECRET, now), SECRET, now)).toEqual(actor);
  }
});

test('GW-21: an expired, forged, changed or malformed token says nobody', () => {
  const token = signInternalToken(person, SECRET, now);
  const [header, , mac] = token.split('.');
  const admin = Buffer.from(JSON.stringify({ actor: { ...person, roles: ['ADMIN'] }, exp: 9e9 })).toString('base64url');
  const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
  const malformed = Buffer.from('not json').toString('base64url');
  const signed = (body: string) => `${header}.${body}.${createHmac('sha256', SECRET).update(`${header}.${body}`).digest('base64url')}`;
  const bad = [
    undefined,
    '',
    'a.b',
    `${header}.${admin}.${mac}`,
    `${none}.${admin}.`,
    `${token}.x`,
    signed(malformed),
    signed(Buffer.from('{}').toString('base64url')),
  ];
  for (const each of bad) expect(verifyInternalToken(each, SECRET, now)).toBeNull();
  expect(verifyInternalToken(token, `${SECRET}!`, now)).toBeNull();
  expect(verifyInternalToken(token, SECRET, new Date(now.getTime() + 61_000))).toBeNull();
});
