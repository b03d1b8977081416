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
 * The last believed places of drivers, with what the rule against spoofing remembers. Keys: facts of each driver. Answers lng, lat, time, slack and
 * points at a standstill of each; nulls for who is not known.
 */
export const FIXES = script(`
local fixes = {}
for i = 1, #KEYS do fixes[i] = redis.call('HMGET', KEYS[i], 'lng', 'lat', 'at', 'slack', 'still') end
return fixes`);

/**
 * Moves drivers to newer points (DP-03). One script, because two points of one driver may come at once through two processes, and the older one must
 * not win. Keys: the four sets of available drivers, then facts, presence and standing of each driver. Arguments: lifetimes of presence (0 for points
 * that no device has just sent) and facts, points in a row that it takes to leave a zone; then id, lng, lat, heading, speed, time, zone, slack, still of
 * each driver. A zone is the id of the airport that the point lies in, '' for none, '?' for not known: that changes nothing (DP-07).
 * Answers per driver {1 moved, 0 older, -1 standing unknown; trip; when the standing was read; '' or 'OUT' or the zone that the driver came into}.
 * 'zone' among the facts is the airport, '-' for certainly none, absent for unknown. Leaving, and becoming certain, takes points in a row outside.
 */
export const MOVE = script(`
local SETS = { ECONOMY = 1, COMFORT = 2, PREMIUM = 3, XL = 4 }
local answers = {}
for i = 0, (#KEYS - 4) / 3 - 1 do
  local facts, presence, standing = KEYS[i * 3 + 5], KEYS[i * 3 + 6], KEYS[i * 3 + 7]
  local a = i * 9 + 4
  local known = redis.call('HMGET', standing, 'type', 'state', 'trip', 'checked')
  if not known[1] then
    answers[i + 1] = { -1, '', '0', '' }
  else
    local moved, change = 0, ''
    local last = redis.call('HMGET', facts, 'at', 'zone')
    if not last[1] or tonumber(ARGV[a + 5]) > tonumber(last[1]) then
      moved = 1
      redis.call('HSET', facts, 'lng', ARGV[a + 1], 'lat', ARGV[a + 2], 'heading', ARGV[a + 3], 'speed', ARGV[a + 4], 'at', ARGV[a + 5],
        'slack', ARGV[a + 7], 'still', ARGV[a + 8])
      redis.call('PEXPIRE', facts, ARGV[2])
      if known[2] == 'AVAILABLE' then
        redis.call('GEOADD', KEYS[SETS[known[1]]], ARGV[a + 1], ARGV[a + 2], ARGV[a])
      else
        redis.call('ZREM', KEYS[SETS[known[1]]], ARGV[a])
      end
      local zone, was = ARGV[a + 6], last[2] or ''
      if zone ~= '?' and known[2] ~= 'BUSY' and known[2] ~= 'OFFLINE' then
        if zone ~= '' and zone == was then
          redis.call('HDEL', facts, 'out')
        elseif zone ~= '' and (was == '' or was == '-') then
          redis.call('HSET', facts, 'zone', zone)
          redis.call('HDEL', facts, 'out')
          change = zone
        elseif not (zone == '' and was == '-') then
          if redis.call('HINCRBY', facts, 'out', 1) >= tonumber(ARGV[3]) then
            redis.call('HDEL', facts, 'out')
            redis.call('HSET', facts, 'zone', zone == '' and '-' or zone)
            change = zone == '' and 'OUT' or zone
          end
        end
      end
    end
    if tonumber(ARGV[1]) > 0 then redis.call('SET', presence, '1', 'PX', ARGV[1]) end
    answers[i + 1] = { moved, known[3] or '', known[4] or '0', change }
  end
end
return answers`);

/**
 * Keeps drivers' standings unless newer ones are there, and puts each driver into the set of available ones or takes him out. Who waits no more for
 * trips has left his airport's line too: when he is free again inside, he comes in anew. Keys: the four sets, then facts, standing and driver of the
 * person of each driver. Arguments: time of reading, oldest acceptable position, lifetime; then id, type, state, trip, version of each driver.
 */
export const KEEP_STANDINGS = script(`
local SETS = { ECONOMY = 1, COMFORT = 2, PREMIUM = 3, XL = 4 }
for i = 0, (#KEYS - 4) / 3 - 1 do
  local facts, standing, person = KEYS[i * 3 + 5], KEYS[i * 3 + 6], KEYS[i * 3 + 7]
  local a = i * 5 + 4
  local id, type, state = ARGV[a], ARGV[a + 1], ARGV[a + 2]
  local version = redis.call('HGET', standing, 'version')
  if not version or tonumber(version) <= tonumber(ARGV[a + 4]) then
    redis.call('HSET', standing, 'type', type, 'state', state, 'trip', ARGV[a + 3], 'version', ARGV[a + 4], 'checked', ARGV[1])
    redis.call('PEXPIRE', standing, ARGV[3])
    redis.call('SET', person, id, 'PX', ARGV[3])
    for set = 1, 4 do
      if set ~= SETS[type] or state ~= 'AVAILABLE' then redis.call('ZREM', KEYS[set], id) end
    end
    if state == 'BUSY' or state == 'OFFLINE' then redis.call('HDEL', facts, 'zone', 'out') end
    if state == 'AVAILABLE' then
      local last = redis.call('HMGET', facts, 'lng', 'lat', 'at')
      if last[3] and tonumber(last[3]) >= tonumber(ARGV[2]) then redis.call('GEOADD', KEYS[SETS[type]], last[1], last[2], id) end
    end
  end
end
return 1`);
