import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Drivers in one command to Redis, or commands in one message, so that others get their turn between them. */
export const MAX_TOGETHER = 200;

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
 * not win. No driver twice in one call: all are read before the first is written. Keys: the four sets of available drivers, then facts and standing of
 * each driver. Arguments: when it was heard ('' for points that no device has just sent), lifetime of facts, points in a row that it takes to leave a
 * zone; then id, lng, lat, time, zone and the rest of the facts of each driver. A zone is the id of the airport that the point lies in, '' for none, '?'
 * for not known: that changes nothing (DP-07).
 * Answers per driver `status,checked,trip,change`: 1 moved, 0 older, -1 standing unknown; when the standing was read; the trip; '' or 'OUT' or the zone that he came into.
 * 'zone' among the facts is the airport, '-' for certainly none, '' for unknown. Leaving, and becoming certain, takes points in a row outside.
 */
export const MOVE = script(`
local SETS = { ECONOMY = 1, COMFORT = 2, PREMIUM = 3, XL = 4 }
local answers, there, gone = {}, { {}, {}, {}, {} }, { {}, {}, {}, {} }
local n = (#KEYS - 4) / 2
local factsKeys, standingKeys = {}, {}
for i = 1, n do
  factsKeys[i], standingKeys[i] = KEYS[i * 2 + 3], KEYS[i * 2 + 4]
end
local lasts, standings = redis.call('MGET', unpack(factsKeys)), redis.call('MGET', unpack(standingKeys))
for i = 1, n do
  local a = i * 6 - 2
  if not standings[i] then
    answers[i] = '-1,0,,'
  else
    local type, state, trip, checked = string.match(standings[i], '^([^,]*),([^,]*),([^,]*),([^,]*)')
    local at, was, out, heard, rest
    if lasts[i] then at, was, out, heard, rest = string.match(lasts[i], '^([^,]*),([^,]*),([^,]*),([^,]*),(.*)$') end
    local moved, change, now = 0, '', was or ''
    if not at or tonumber(ARGV[a + 3]) > tonumber(at) then
      moved = 1
      local set = SETS[type]
      if state == 'AVAILABLE' then
        local list = there[set]
        local next = #list
        list[next + 1], list[next + 2], list[next + 3] = ARGV[a + 1], ARGV[a + 2], ARGV[a]
      else
        gone[set][#gone[set] + 1] = ARGV[a]
      end
      local zone = ARGV[a + 4]
      out = out or ''
      if zone ~= '?' and state ~= 'BUSY' and state ~= 'OFFLINE' then
        if zone ~= '' and zone == now then
          out = ''
        elseif zone ~= '' and (now == '' or now == '-') then
          now, out, change = zone, '', zone
        elseif not (zone == '' and now == '-') then
          local outside = (tonumber(out) or 0) + 1
          out = tostring(outside)
          if outside >= tonumber(ARGV[3]) then
            now, out = zone == '' and '-' or zone, ''
            change = zone == '' and 'OUT' or zone
          end
        end
      end
      local since = ARGV[1] == '' and (heard or '') or ARGV[1]
      redis.call('SET', factsKeys[i], table.concat({ ARGV[a + 3], now, out, since, ARGV[a + 1], ARGV[a + 2], ARGV[a + 5] }, ','), 'PX', ARGV[2])
    elseif ARGV[1] ~= '' then
      redis.call('SET', factsKeys[i], table.concat({ at, was, out, ARGV[1], rest }, ','), 'KEEPTTL')
    end
    answers[i] = table.concat({ moved, checked, trip, change }, ',')
  end
end
for set = 1, 4 do
  if #there[set] > 0 then redis.call('GEOADD', KEYS[set], unpack(there[set])) end
  if #gone[set] > 0 then redis.call('ZREM', KEYS[set], unpack(gone[set])) end
end
return answers`);

/**
 * Takes drivers who went silent out of the set of the available ones. Each is looked at once more: whoever has sent something since the search read what
 * Redis knows of him is in the set by right, and would be out of it until his next point. Keys: the set, then the facts of each driver. Arguments: the
 * oldest time that is not silence; then the ids.
 */
export const LEAVE_SILENT = script(`
local silent = {}
for i = 2, #KEYS do
  local last = redis.call('GET', KEYS[i])
  local at = last and tonumber(string.match(last, '^[^,]*'))
  if not at or at < tonumber(ARGV[1]) then silent[#silent + 1] = ARGV[i] end
end
if #silent > 0 then redis.call('ZREM', KEYS[1], unpack(silent)) end
return #silent`);

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
  local known = redis.call('GET', standing)
  local version = known and string.match(known, '^[^,]*,[^,]*,[^,]*,[^,]*,(.*)$')
  if not version or tonumber(version) <= tonumber(ARGV[a + 4]) then
    redis.call('SET', standing, table.concat({ type, state, ARGV[a + 3], ARGV[1], ARGV[a + 4] }, ','), 'PX', ARGV[3])
    redis.call('SET', person, id, 'PX', ARGV[3])
    for set = 1, 4 do
      if set ~= SETS[type] or state ~= 'AVAILABLE' then redis.call('ZREM', KEYS[set], id) end
    end
    local last = redis.call('GET', facts)
    if last then
      local at, zone, out, heard, rest = string.match(last, '^([^,]*),([^,]*),([^,]*),([^,]*),(.*)$')
      if state == 'BUSY' or state == 'OFFLINE' then redis.call('SET', facts, table.concat({ at, '', '', heard, rest }, ','), 'KEEPTTL') end
      if state == 'AVAILABLE' and tonumber(at) >= tonumber(ARGV[2]) then
        local lng, lat = string.match(rest, '^([^,]*),([^,]*)')
        redis.call('GEOADD', KEYS[SETS[type]], lng, lat, id)
      end
    end
  end
end
return 1`);
