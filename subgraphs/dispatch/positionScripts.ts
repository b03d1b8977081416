import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script and the name that Redis keeps it under. */
export interface Script {
  lua: string;
  sha: string;
}

const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') });

/** Runs a script by its name, and sends its text only when Redis does not know it, as after a restart. */
export async function runScript(redis: Redis, { lua, sha }: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error as Error).message?.startsWith('NOSCRIPT')) throw error;
    return redis.eval(lua, keys.length, ...keys, ...args);
  }
}

/**
 * Moves drivers to newer points (DP-03). One script, because two points of one driver may come at once through two processes, and the older one must
 * not win. Keys: the four sets of available drivers, then facts, presence and standing of each driver. Arguments: lifetimes of presence and facts,
 * then id, lng, lat, heading, speed, time of each driver. Answers per driver {1 moved, 0 older, -1 standing unknown; trip; when the standing was read}.
 */
export const MOVE = script(`
local SETS = { ECONOMY = 1, COMFORT = 2, PREMIUM = 3, XL = 4 }
local answers = {}
for i = 0, (#KEYS - 4) / 3 - 1 do
  local facts, presence, standing = KEYS[i * 3 + 5], KEYS[i * 3 + 6], KEYS[i * 3 + 7]
  local a = i * 6 + 3
  local known = redis.call('HMGET', standing, 'type', 'state', 'trip', 'checked')
  if not known[1] then
    answers[i + 1] = { -1, '', '0' }
  else
    local moved = 0
    local last = redis.call('HGET', facts, 'at')
    if not last or tonumber(ARGV[a + 5]) > tonumber(last) then
      moved = 1
      redis.call('HSET', facts, 'lng', ARGV[a + 1], 'lat', ARGV[a + 2], 'heading', ARGV[a + 3], 'speed', ARGV[a + 4], 'at', ARGV[a + 5])
      redis.call('PEXPIRE', facts, ARGV[2])
      if known[2] == 'AVAILABLE' then
        redis.call('GEOADD', KEYS[SETS[known[1]]], ARGV[a + 1], ARGV[a + 2], ARGV[a])
      else
        redis.call('ZREM', KEYS[SETS[known[1]]], ARGV[a])
      end
    end
    redis.call('SET', presence, '1', 'PX', ARGV[1])
    answers[i + 1] = { moved, known[3] or '', known[4] or '0' }
  end
end
return answers`);

/**
 * Keeps a driver's standing unless a newer one is there, and puts the driver into the set of available ones or takes him out. Keys: the four sets,
 * facts, standing. Arguments: id, type, state, trip, version, time of reading, oldest acceptable position, lifetime.
 */
export const KEEP_STANDING = script(`
local SETS = { ECONOMY = 1, COMFORT = 2, PREMIUM = 3, XL = 4 }
local version = redis.call('HGET', KEYS[6], 'version')
if version and tonumber(version) > tonumber(ARGV[5]) then return 0 end
redis.call('HSET', KEYS[6], 'type', ARGV[2], 'state', ARGV[3], 'trip', ARGV[4], 'version', ARGV[5], 'checked', ARGV[6])
redis.call('PEXPIRE', KEYS[6], ARGV[8])
for i = 1, 4 do
  if i ~= SETS[ARGV[2]] or ARGV[3] ~= 'AVAILABLE' then redis.call('ZREM', KEYS[i], ARGV[1]) end
end
if ARGV[3] == 'AVAILABLE' then
  local last = redis.call('HMGET', KEYS[5], 'lng', 'lat', 'at')
  if last[3] and tonumber(last[3]) >= tonumber(ARGV[7]) then redis.call('GEOADD', KEYS[SETS[ARGV[2]]], last[1], last[2], ARGV[1]) end
end
return 1`);
