/**
 * The token bucket of policies/token-bucket.ts as a Redis script: one step on the server, on the server's clock, so that workers need
 * no clocks that agree. Counts in whole numbers, tokens × milliseconds of the period, as the policy does.
 */
import { createHash } from 'node:crypto';

/**
 * KEYS: the bucket. ARGV: requests, period in ms, burst, tokens wanted. Answers tokens granted and, where those are fewer, milliseconds
 * until the next. A bucket expires when it is full again: one that is missing is full.
 *
 * A clock that was set back, after a failover say, brings no tokens for the step and takes none away.
 */
export const TOKEN_SCRIPT = `
local requests, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local burst, wanted = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local full = burst * period
local bucket = redis.call('HMGET', KEYS[1], 'credit', 'at')
local credit, at = tonumber(bucket[1]) or full, tonumber(bucket[2]) or now
credit = math.min(full, credit + math.max(0, now - at) * requests)
local granted = math.min(wanted, math.floor(credit / period))
credit = credit - granted * period
redis.call('HSET', KEYS[1], 'credit', credit, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.max(1, math.ceil((full - credit) / requests)))
local wait = 0
if granted < wanted then wait = math.ceil((period - credit) / requests) end
return { granted, wait }
`;

export const TOKEN_SCRIPT_SHA1 = createHash('sha1').update(TOKEN_SCRIPT).digest('hex');
