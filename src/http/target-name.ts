/** Names of what handles call: APIs, services and their operations. They stand in facts, metrics and errors. */

const NAME = /^[A-Za-z][\w.-]{0,63}$/;

export const TARGET_NAME_EXPECTED = 'expected a name of letters, digits, "-", "_" and ".", beginning with a letter';

export const isTargetName = (name: unknown): boolean => typeof name === 'string' && NAME.test(name);
