/** `sluice/redis`: one rate limit for many workers, kept in Redis. Needs the package ioredis, an optional peer. */
export {
  createSharedRateLimiter,
  type SharedRateLimiter,
  type SharedRateLimiterOptions,
  type SharedTokens,
} from '../operators/shared-rate-limit.ts';
export type { TokenStore, TokenStoreDefinition } from '../operators/shared-tokens.ts';
export { type RedisTokenStoreOptions, redisTokens } from './redis-token-store.ts';
export { createRedisTokens, type RedisTokens, type RedisTokensOptions } from './redis-tokens.ts';
