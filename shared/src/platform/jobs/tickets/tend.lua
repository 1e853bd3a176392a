-- Keeps one queue of apalis-redis in order, so that none of the library's scripts meets what it cannot bear.
-- KEYS: active list, scheduled set, data hash, workers set
-- ARGV: prefix of a ticket's own key, prefix of a worker's inflight set, bound, worker (or ''), seconds until it is gone
-- Returns how many more tickets fit.
local active, scheduled, data, workers = unpack(KEYS)
local meta, inflight, bound, me, patience = unpack(ARGV)
bound = tonumber(bound)

-- A key of a wrong type fails every command on it. Tickets whose data went with it could not be read any more.
for i, type in ipairs({'list', 'zset', 'hash', 'zset'}) do
    local found = redis.call('type', KEYS[i]).ok
    if found ~= 'none' and found ~= type then
        redis.call('del', KEYS[i])
        if i == 3 then redis.call('del', active, scheduled) end
    end
end

-- Every push lands in the scheduled set. Tickets are always due, best rank first.
for _, id in ipairs(redis.call('zrange', scheduled, 0, -1)) do
    redis.call('rpush', active, id)
end
redis.call('del', scheduled)

-- A heartbeat by Redis's own clock; what a worker held that is gone may be taken again.
if me ~= '' then
    local now = tonumber(redis.call('time')[1])
    redis.call('zadd', workers, now, me)
    for _, gone in ipairs(redis.call('zrangebyscore', workers, '-inf', now - patience)) do
        local held = inflight .. ':' .. gone
        if redis.call('type', held).ok == 'set' then
            for _, id in ipairs(redis.call('smembers', held)) do
                redis.call('rpush', active, id)
            end
        end
        redis.call('del', held)
        redis.call('zrem', workers, gone)
    end
end

-- What is beyond the bound is dropped: the sweeper feeds a lane from its head.
for _, id in ipairs(redis.call('lrange', active, bound, -1)) do
    redis.call('hdel', data, id)
    redis.call('del', meta .. ':' .. id)
end
redis.call('ltrim', active, 0, bound - 1)

-- An id that is still known is refused when it is pushed again. When none waits, none is known.
local waiting = redis.call('llen', active)
if waiting == 0 then
    for _, id in ipairs(redis.call('hkeys', data)) do
        redis.call('del', meta .. ':' .. id)
    end
    redis.call('del', data)
end
return bound - waiting
